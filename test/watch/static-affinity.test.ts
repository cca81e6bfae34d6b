/** Session affinity and hash keys, as the static file says them: what they become, and the mistakes one can make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_COOKIE_AFFINITY } from '../../src/model/affinity.ts';
import { parseLifetimeSeconds } from '../../src/watch/quantity.ts';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';

/** One route with this affinity, to an upstream `shop` with these further keys. */
function narrow(affinity: string, upstreamKeys = ''): Promise<StaticNarrowed> {
  const text = `upstreams:\n  shop: { endpoints: []${upstreamKeys} }\nroutes:\n  - { upstream: shop${affinity} }\n`;
  return narrowStaticConfig(text, { file: 'sluice.yaml', nowAt: 0 });
}

test('without affinity clients are not bound and requests have no key', async () => {
  const { config, problems } = await narrow('');
  assert.deepEqual(problems, []);
  assert.equal(config?.routes[0]?.affinity, null);
  assert.equal(config?.upstreams.get('shop')?.hashing, null);
});

test('a name is enough, everything else has a default', async () => {
  const { config } = await narrow(', affinity: { cookie: { name: S } }');
  assert.deepEqual(config?.routes[0]?.affinity, { ...DEFAULT_COOKIE_AFFINITY, name: 'S' });
});

test('every key of a cookie is taken over', async () => {
  const { config } = await narrow(
    ', affinity: { cookie: { name: S, mode: persistent, path: /a, domain: a.example, expires: 2d, maxAge: 90s, sameSite: Lax, secure: true, changeOnFailure: true } }',
  );
  assert.deepEqual(config?.routes[0]?.affinity, {
    name: 'S',
    mode: 'persistent',
    changeOnFailure: true,
    path: '/a',
    domain: 'a.example',
    expiresSeconds: 172_800,
    maxAgeSeconds: 90,
    sameSite: 'Lax',
    conditionalSameSiteNone: false,
    alwaysSecure: true,
  });
});

test('keys, bounds and subsets are taken over', async () => {
  const { config } = await narrow('', ', hashBy: $http_x_user, hashBound: 125, hashSubsetSize: 3');
  const hashing = { keyTemplate: '$http_x_user', subsetSize: 3, boundPercent: 125 };
  assert.deepEqual(config?.upstreams.get('shop')?.hashing, hashing);
});

for (const [cookie, field, message] of [
  ['{}', 'name', /is missing/],
  ['{ name: "a b" }', 'name', /expected the name of a cookie/],
  ['{ name: S, mode: sticky }', 'mode', /expected `balanced` or `persistent`/],
  ['{ name: S, path: shop }', 'path', /expected a path that starts with `\/`/],
  ['{ name: S, path: "/; Secure" }', 'path', /without spaces and `;`/],
  ['{ name: S, domain: "a;b" }', 'domain', /expected a host name/],
  ['{ name: S, expires: 172800 }', 'expires', /expected a whole time from `1s` to `3650d`/],
  ['{ name: S, maxAge: 1.5h }', 'maxAge', /expected a whole time/],
  ['{ name: S, sameSite: none }', 'sameSite', /expected `None`, `Lax` or `Strict`/],
  ['{ name: S, secure: on }', 'secure', /expected true or false/],
  ['{ name: S, changeOnFail: true }', 'changeOnFail', /did you mean `changeOnFailure`/],
] as const) {
  test(`affinity of cookie ${cookie} is rejected`, async () => {
    const { config, problems } = await narrow(`, affinity: { cookie: ${cookie} }`);
    assert.equal(config, null);
    assert.deepEqual(
      problems.map((problem) => problem.field),
      [`routes[0].affinity.cookie.${field}`],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}

for (const [keys, field, message] of [
  ['hashBy: $nothing', 'hashBy', /expected text with variables of a request/],
  ['hashBy: request_uri', 'hashBy', /expected text with variables of a request/],
  ['hashBy: $uri, balancer: round-robin', 'hashBy', /stands beside balancer "round-robin"/],
  ['hashBound: 125', 'hashBound', /has no effect without `hashBy`/],
  ['hashBound: 99, balancer: maglev', 'hashBound', /expected a whole number from 100 to 10000/],
  ['hashSubsetSize: 3', 'hashSubsetSize', /has no effect without `hashBy`/],
  ['hashSubsetSize: 3, balancer: maglev', 'hashSubsetSize', /expected ring-hash/],
] as const) {
  test(`an upstream with ${keys} is rejected`, async () => {
    const { config, problems } = await narrow('', `, ${keys}`);
    assert.equal(config, null);
    assert.deepEqual(
      problems.map((problem) => problem.field),
      [`upstreams.shop.${field}`],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}

for (const [text, seconds] of [
  ['1s', 1],
  ['30m', 1_800],
  ['12h', 43_200],
  ['3650d', 315_360_000],
  ['3651d', null],
  ['0s', null],
  ['1w', null],
  ['1', null],
] as const) {
  test(`${text} is ${seconds} seconds`, () => {
    assert.equal(parseLifetimeSeconds(text), seconds);
  });
}

const cookies: readonly { readonly cookie: string; readonly warning: RegExp | null }[] = [
  { cookie: 'name: __Host-S, secure: true', warning: null },
  { cookie: 'name: __Host-S, path: /', warning: null },
  { cookie: 'name: __Host-S, domain: a.example', warning: /have a domain/ },
  { cookie: 'name: __HOST-S, path: /a', warning: /path is not \// },
  { cookie: 'name: __Secure-S, domain: a.example, path: /a', warning: null },
];

for (const { cookie, warning } of cookies) {
  test(`a cookie with ${cookie} is ${warning === null ? 'fine' : 'warned of, because browsers drop it'}`, async () => {
    const { config, problems } = await narrow(`, affinity: { cookie: { ${cookie} } }`);
    assert.notEqual(config, null);
    const found = problems.map(({ severity, field }) => `${severity} ${field}`);
    assert.deepEqual(found, warning === null ? [] : ['warning routes[0].affinity.cookie.name']);
    if (warning !== null) assert.match(problems[0]?.message ?? '', warning);
  });
}
