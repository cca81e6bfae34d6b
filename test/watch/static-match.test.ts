/** `match` and `buckets` of the static configuration file: what they become, and where mistakes are found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMatchExpression } from '../../src/config/match-expression.ts';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';

function narrow(text: string): Promise<StaticNarrowed> {
  return narrowStaticConfig(text, { file: 'sluice.yaml', nowAt: Date.UTC(2026, 0, 1) });
}

const route = (fields: string): string => `upstreams: { a: { endpoints: [] } }\nroutes: [ { upstream: a, ${fields} } ]`;

interface Mistake {
  readonly name: string;
  readonly text: string;
  readonly expected: readonly (readonly [field: string, message: RegExp])[];
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a test of two things, of none, and of a method by its beginning',
    text: route(
      'canaries: [ { upstream: a, match: [ { all: [ { header: x, cookie: y }, { not: true }, { method: [GET], prefix: G } ] } ] } ]',
    ),
    expected: [
      ['routes[0].canaries[0].match[0].all[0]', /has header and cookie; expected exactly one of header, cookie, query/],
      ['routes[0].canaries[0].match[0].all[1]', /has none of them; expected exactly one/],
      ['routes[0].canaries[0].match[0].all[2]', /has prefix beside method, which takes none/],
    ],
  },
  {
    name: 'a test that compares twice, a network that is none and a list without tests',
    text: route(
      'canaries: [ { upstream: a, match: [ { all: [ { header: x, value: a, prefix: b } ] }, { all: [ { source: [ten] } ] }, { all: [] } ] } ]',
    ),
    expected: [
      ['routes[0].canaries[0].match[0].all[0]', /has value and prefix; expected at most one of them/],
      ['routes[0].canaries[0].match[1].all[0].source[0]', /an IP network such as/],
      ['routes[0].canaries[0].match[2].all', /at least one test/],
    ],
  },
  {
    name: 'buckets by something that no request has',
    text: route('canaries: [ { upstream: a, weight: 1 } ], buckets: { by: user }'),
    expected: [
      ['routes[0].buckets.by', /is "user"; expected header:NAME, cookie:NAME, query:NAME, jwt:CLAIM or client-ip/],
    ],
  },
  {
    name: 'buckets without canaries',
    text: route('buckets: { by: client-ip }'),
    expected: [['routes[0].buckets', /has no effect without `canaries`/]],
  },
];

for (const { name, text, expected } of MISTAKES) {
  test(`${name}: rejected with its place`, async () => {
    const { config, problems } = await narrow(text);
    assert.equal(config, null);
    assert.deepEqual(
      problems.map(({ field }) => field),
      expected.map(([field]) => field),
    );
    for (const [at, [, message]] of expected.entries()) assert.match(problems[at]?.message ?? '', message);
  });
}

test('tests of a match become the same question as an annotation asks', async () => {
  const text = route(
    'buckets: { by: "header:X-User" }, canaries: [ { upstream: a, match: [ { all: [ { header: X-Team, value: blue }, { source: [10.0.0.0/8], not: true } ] }, { all: [ { query: v, prefix: "2" } ] }, { all: [ { cookie: beta } ] } ] } ]',
  );
  const [compiled] = (await narrow(text)).config?.routes ?? [];
  const parsed = parseMatchExpression(
    'header:X-Team = blue and not source = 10.0.0.0/8 or query:v ^= 2 or cookie:beta',
  );
  assert.deepEqual({ value: compiled?.canaries[0]?.match }, parsed);
  assert.deepEqual(compiled?.buckets, { by: { kind: 'header', name: 'x-user' }, seed: 'a' });
});
