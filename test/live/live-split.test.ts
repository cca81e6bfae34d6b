/** Who takes a request: rules by header, by cookie, then weights, in the dialect's order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { Upstream } from '../../src/balancer/upstream.ts';
import { type LiveCanary, LiveSplit, SplitTarget } from '../../src/live/live-split.ts';
import { SplitStats } from '../../src/live/route-stats.ts';
import { requestFacts } from '../support/request-facts.ts';

const DRAW_LIMIT = 0x8000_0000;
const CLIENT = '192.0.2.1';

function target(id: string, weight = 1, addresses: readonly string[] = ['10.0.0.1']): SplitTarget {
  const upstream = new Upstream(id, 'round-robin', 1);
  upstream.update(
    addresses.map((address) => ({ address, port: 80, weight: 1 })),
    () => ({ openCount: 0, idleCount: 0, close: () => undefined, retire: () => undefined }),
  );
  return new SplitTarget(upstream, new SplitStats(id, false), weight);
}

function canary(part: Partial<LiveCanary> = {}, to: SplitTarget = target('canary')): LiveCanary {
  return {
    target: to,
    headerName: '',
    headerKind: 'word',
    headerValue: '',
    headerPattern: null,
    cookie: '',
    match: null,
    gate: null,
    weight: 0,
    weightTotal: 100,
    rulesFirst: false,
    standsIn: false,
    ...part,
  };
}

type Headers = Readonly<Record<string, string>>;

/** The upstream that takes a request, with a draw at this share of the scale. */
function choose(canaries: readonly LiveCanary[], headers: Headers = {}, share = 0.999_999): string {
  const split = new LiveSplit([target('main')], canaries);
  return split.choose(requestFacts({ headers }), CLIENT, Math.floor(share * DRAW_LIMIT)).upstream.id;
}

const word = canary({ headerName: 'x-canary' });
const exact = canary({ headerName: 'x-canary', headerKind: 'exact', headerValue: 'beta' });
const pattern = canary({ headerName: 'x-canary', headerKind: 'pattern', headerPattern: RE2JS.compile('be.a') });
const cookie = canary({ cookie: 'canary' });
const everyone = canary({ weight: 100 });

interface Decision {
  readonly name: string;
  readonly rules: readonly LiveCanary[];
  readonly headers?: Headers;
  readonly takes: string;
}

const DECISIONS: readonly Decision[] = [
  { name: 'no rule at all: main', rules: [canary()], takes: 'main' },
  { name: 'header always: canary', rules: [word], headers: { 'x-canary': 'always' }, takes: 'canary' },
  { name: 'header never: main', rules: [{ ...word, weight: 100 }], headers: { 'x-canary': 'never' }, takes: 'main' },
  {
    name: 'header never beats cookie always',
    rules: [{ ...word, cookie: 'canary' }],
    headers: { 'x-canary': 'never', cookie: 'canary=always' },
    takes: 'main',
  },
  {
    name: 'header always beats cookie never',
    rules: [{ ...word, cookie: 'canary' }],
    headers: { 'x-canary': 'always', cookie: 'canary=never' },
    takes: 'canary',
  },
  {
    name: 'another header value goes on to the cookie',
    rules: [{ ...word, cookie: 'canary' }],
    headers: { 'x-canary': 'maybe', cookie: 'canary=always' },
    takes: 'canary',
  },
  {
    name: 'another header value goes on to the weight',
    rules: [{ ...word, weight: 100 }],
    headers: { 'x-canary': 'maybe' },
    takes: 'canary',
  },
  {
    name: 'header words are compared with their case',
    rules: [word],
    headers: { 'x-canary': 'Always' },
    takes: 'main',
  },
  { name: 'the exact value: canary', rules: [exact], headers: { 'x-canary': 'beta' }, takes: 'canary' },
  {
    name: 'always is no special word beside an exact value',
    rules: [exact],
    headers: { 'x-canary': 'always' },
    takes: 'main',
  },
  {
    name: 'never is no special word beside an exact value',
    rules: [{ ...exact, weight: 100 }],
    headers: { 'x-canary': 'never' },
    takes: 'canary',
  },
  { name: 'exact values are compared with their case', rules: [exact], headers: { 'x-canary': 'Beta' }, takes: 'main' },
  {
    name: 'a pattern is searched anywhere in the value',
    rules: [pattern],
    headers: { 'x-canary': 'xbetay' },
    takes: 'canary',
  },
  {
    name: 'a pattern that is not found goes on to the weight',
    rules: [{ ...pattern, weight: 100 }],
    headers: { 'x-canary': 'x' },
    takes: 'canary',
  },
  { name: 'cookie always: canary', rules: [cookie], headers: { cookie: 'a=b; canary=always' }, takes: 'canary' },
  {
    name: 'cookie never beats the weight',
    rules: [{ ...cookie, weight: 100 }],
    headers: { cookie: 'canary=never' },
    takes: 'main',
  },
  {
    name: 'another cookie value goes on to the weight',
    rules: [{ ...cookie, weight: 100 }],
    headers: { cookie: 'canary=1' },
    takes: 'canary',
  },
  {
    name: 'a match takes the canary',
    rules: [canary({ match: ({ method }) => method === 'GET' })],
    takes: 'canary',
  },
  {
    name: 'a match that fails goes on to the weight',
    rules: [canary({ match: () => false, weight: 100 })],
    takes: 'canary',
  },
  {
    name: 'header never beats a match',
    rules: [{ ...word, match: () => true }],
    headers: { 'x-canary': 'never' },
    takes: 'main',
  },
  {
    name: 'cookie never beats a match',
    rules: [{ ...cookie, match: () => true }],
    headers: { cookie: 'canary=never' },
    takes: 'main',
  },
  {
    name: 'a gate that opens lets the weight count',
    rules: [canary({ gate: () => true, weight: 100 })],
    takes: 'canary',
  },
  {
    name: 'a gate that stays shut keeps the weight out',
    rules: [canary({ gate: () => false, weight: 100 })],
    takes: 'main',
  },
  {
    name: 'a gate that stays shut keeps every rule out',
    rules: [{ ...word, cookie: 'canary', match: () => true, gate: () => false }],
    headers: { 'x-canary': 'always', cookie: 'canary=always' },
    takes: 'main',
  },
  { name: 'weight at its total: always', rules: [everyone], takes: 'canary' },
  { name: 'weight above its total: always', rules: [canary({ weight: 300, weightTotal: 200 })], takes: 'canary' },
  { name: 'weight below 0: never', rules: [canary({ weight: -5 })], takes: 'main' },
];

for (const { name, rules, headers = {}, takes } of DECISIONS) {
  test(name, () => {
    assert.equal(choose(rules, headers), takes);
  });
}

test('a weight takes exactly its share of evenly spread draws', () => {
  for (const [weight, total] of [
    [5, 100],
    [1, 1_000],
    [50, 200],
  ] as const) {
    const draws = 10_000;
    let taken = 0;
    for (let i = 0; i < draws; i++)
      if (choose([canary({ weight, weightTotal: total })], {}, (i + 0.5) / draws) === 'canary') taken++;
    assert.equal(taken, Math.ceil((draws * weight) / total));
  }
});

test('weights of several canaries add up, and raising one moves no other', () => {
  const one = canary({ weight: 10 }, target('one'));
  const shares = (second: number): Map<string, number> => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 1_000; i++) {
      const id = choose([one, canary({ weight: second }, target('two'))], {}, (i + 0.5) / 1_000);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  };
  assert.deepEqual(
    [...shares(20)],
    [
      ['one', 100],
      ['two', 200],
      ['main', 700],
    ],
  );
  assert.deepEqual(
    [...shares(95)],
    [
      ['one', 100],
      ['two', 900],
    ],
  );
});

test('a header rule of a later canary comes before a cookie rule of an earlier one', () => {
  const byCookie = canary({ cookie: 'canary' }, target('by-cookie'));
  const byHeader = canary({ headerName: 'x-canary' }, target('by-header'));
  assert.equal(choose([byCookie, byHeader], { cookie: 'canary=always', 'x-canary': 'always' }), 'by-header');
});

test('opting out of one canary leaves the others in force', () => {
  const one = canary({ headerName: 'x-one', weight: 50 }, target('one'));
  const two = canary({ headerName: 'x-two', weight: 50 }, target('two'));
  assert.equal(choose([one, two], { 'x-one': 'never' }, 0.1), 'main');
  assert.equal(choose([one, two], { 'x-one': 'never' }, 0.6), 'two');
  assert.equal(choose([one, two], { 'x-one': 'never', 'x-two': 'always' }, 0.1), 'two');
});

test('a canary without endpoints takes nothing, not even what asks for it', () => {
  const empty = canary({ headerName: 'x-canary', weight: 100 }, target('empty', 1, []));
  assert.equal(choose([empty], { 'x-canary': 'always' }), 'main');
  assert.equal(choose([empty], {}), 'main');
});

test('a main without endpoints is not hidden behind its canary', () => {
  const split = new LiveSplit([target('main', 1, [])], [everyone, word]);
  assert.equal(split.choose(requestFacts({ headers: { 'x-canary': 'always' } }), CLIENT, 0).upstream.id, 'main');
});

test('a stand-in takes what main cannot, and nothing else', () => {
  const standIn = canary({ standsIn: true });
  const facts = requestFacts();
  assert.equal(new LiveSplit([target('main', 1, [])], [standIn]).choose(facts, CLIENT, 0).upstream.id, 'canary');
  assert.equal(new LiveSplit([target('main')], [standIn]).choose(facts, CLIENT, 0).upstream.id, 'main');
  const empty = canary({ standsIn: true }, target('canary', 1, []));
  assert.equal(new LiveSplit([target('main', 1, [])], [empty]).choose(facts, CLIENT, 0).upstream.id, 'main');
});

test('a split says why it chose', () => {
  const rules: readonly (readonly [LiveCanary, Headers, string])[] = [
    [word, { 'x-canary': 'always' }, 'header'],
    [cookie, { cookie: 'canary=always' }, 'cookie'],
    [canary({ match: () => true }), {}, 'match'],
    [everyone, {}, 'weight'],
    [canary(), {}, 'main'],
    [word, { 'x-canary': 'never' }, 'main'],
  ];
  for (const [rule, headers, reason] of rules) {
    const split = new LiveSplit([target('main')], [rule]);
    split.choose(requestFacts({ headers }), CLIENT, 0);
    assert.equal(split.reason, reason);
  }
  const plain = new LiveSplit([target('main')], []);
  plain.choose(requestFacts(), CLIENT, 0);
  assert.equal(plain.reason, '');
});

test('what weights decide can be compared; what rules, refusals and outages decide cannot', () => {
  const weighed = { weight: 50 };
  const empty = target('main', 1, []);
  const cases: readonly (readonly [SplitTarget, Partial<LiveCanary>, Headers, number, boolean])[] = [
    [target('main'), weighed, {}, 0, true],
    [target('main'), weighed, {}, 0.9, true],
    [target('main'), { ...weighed, headerName: 'x-canary' }, { 'x-canary': 'always' }, 0, false],
    [target('main'), { ...weighed, headerName: 'x-canary' }, { 'x-canary': 'never' }, 0.9, false],
    [target('main'), { ...weighed, cookie: 'canary' }, { cookie: 'canary=always' }, 0, false],
    [target('main'), { ...weighed, match: () => true }, {}, 0, false],
    [target('main'), {}, {}, 0, false],
    [empty, weighed, {}, 0.9, false],
    [empty, { ...weighed, standsIn: true }, {}, 0, false],
  ];
  for (const [main, rule, headers, share, comparable] of cases) {
    const split = new LiveSplit([main], [canary(rule)]);
    split.choose(requestFacts({ headers }), CLIENT, Math.floor(share * DRAW_LIMIT));
    assert.equal(split.comparable, comparable, JSON.stringify([rule, headers, share]));
    split.choose(requestFacts(), CLIENT, 0);
    assert.equal(split.comparable, rule.weight !== undefined && main !== empty && rule.match === undefined);
  }
});

test('members share the main traffic by weight; a weight of 0 takes nothing', () => {
  const split = new LiveSplit([target('a', 3), target('none', 0), target('b', 1)], []);
  const counts = new Map<string, number>();
  for (let draw = 0; draw < 400; draw++) {
    const { id } = split.choose(requestFacts(), CLIENT, draw).upstream;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  assert.deepEqual(
    [...counts],
    [
      ['a', 300],
      ['b', 100],
    ],
  );
});
