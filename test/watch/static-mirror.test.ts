/** Mirroring, as the static file says it: what it becomes, and the mistakes one can make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';

/** One route with this `mirror`. */
function narrow(mirror: string): Promise<StaticNarrowed> {
  const text = `upstreams:\n  shop: { endpoints: [] }\nroutes:\n  - { upstream: shop, mirror: ${mirror} }\n`;
  return narrowStaticConfig(text, { file: 'sluice.yaml', nowAt: 0 });
}

test('a URL is enough, everything else has a default', async () => {
  const { config, problems } = await narrow('{ url: "https://shadow.example:8443$request_uri" }');
  assert.deepEqual(problems, []);
  assert.deepEqual(config?.routes[0]?.mirror, {
    origin: 'https://shadow.example:8443',
    host: 'shadow.example:8443',
    target: '$request_uri',
    percent: 100,
    sendBody: true,
    verify: true,
    compare: null,
  });
});

test('every key is taken over', async () => {
  const { config } = await narrow(
    '{ url: "http://shadow/a", percent: 0.5, host: b.example, body: false, verify: false, compare: { headers: [ETag, etag], body: false } }',
  );
  assert.deepEqual(config?.routes[0]?.mirror, {
    origin: 'http://shadow',
    host: 'b.example',
    target: '/a',
    percent: 0.5,
    sendBody: false,
    verify: false,
    compare: { headers: ['etag'], body: false },
  });
});

test('comparing has defaults of its own', async () => {
  const { config } = await narrow('{ url: "http://shadow/a", compare: {} }');
  assert.deepEqual(config?.routes[0]?.mirror?.compare, { headers: ['content-type', 'location'], body: true });
});

for (const [mirror, field, message] of [
  ['{}', '.url', /is missing/],
  ['{ url: shadow }', '.url', /expected a URL such as/],
  ['{ url: "http://$host/" }', '.url', /constant host/],
  ['{ url: "http://a/", percent: 101 }', '.percent', /expected a number from 0 to 100/],
  ['{ url: "http://a/", percent: half }', '.percent', /expected a number from 0 to 100/],
  ['{ url: "http://a/", host: "a b" }', '.host', /expected a host name/],
  ['{ url: "http://a/", body: on }', '.body', /expected true or false/],
  ['{ url: "http://a/", compare: { headers: ["a b"] } }', '.compare.headers[0]', /expected the name of a header/],
  ['{ url: "http://a/", percentage: 1 }', '.percentage', /did you mean `percent`/],
] as const) {
  test(`mirror ${mirror} is rejected`, async () => {
    const { config, problems } = await narrow(mirror);
    assert.equal(config, null);
    assert.deepEqual(
      problems.map((problem) => problem.field),
      [`routes[0].mirror${field}`],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}
