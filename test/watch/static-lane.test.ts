/** Lanes as the static file says them: what they become, and the mistakes one can make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';

/** One route with these keys, and a canary of it that has these. */
function narrow(route: string, canary: string): Promise<StaticNarrowed> {
  const text =
    `upstreams:\n  a: { endpoints: [] }\n  b: { endpoints: [] }\nroutes:\n` +
    `  - { upstream: a${route}, canaries: [ { upstream: b, weight: 5${canary} } ] }\n`;
  return narrowStaticConfig(text, { file: 'sluice.yaml', nowAt: 0 });
}

test('a name is enough, and clients are told nothing', async () => {
  const { config, problems } = await narrow(', lane: { name: base }', ', lane: { name: v2 }');
  assert.deepEqual(problems, []);
  const [route] = config?.routes ?? [];
  assert.deepEqual(route?.lane, { name: 'base', header: 'X-Sluice-Lane' });
  assert.equal(route?.laneAnswer, undefined);
  const [canary] = route?.canaries ?? [];
  assert.deepEqual(canary?.lane, { name: 'v2', header: 'X-Sluice-Lane' });
  assert.deepEqual([canary?.honoursLane, canary?.honoursLaneCookie], [undefined, undefined]);
});

test('every key is taken over', async () => {
  const cookie = 'cookie: { name: lane, path: /shop, maxAge: 1d, sameSite: Strict, secure: true }';
  const { config, problems } = await narrow(
    `, lane: { name: base, header: X-Env, answerHeader: X-Lane, ${cookie} }`,
    ', lane: { name: v2, header: X-Env, honour: true, honourCookie: true }',
  );
  assert.deepEqual(problems, []);
  const [route] = config?.routes ?? [];
  assert.deepEqual(route?.laneAnswer, {
    header: 'X-Lane',
    cookie: { name: 'lane', path: '/shop', maxAgeSeconds: 86_400, sameSite: 'Strict', alwaysSecure: true },
  });
  const [canary] = route?.canaries ?? [];
  assert.deepEqual([canary?.lane?.header, canary?.honoursLane, canary?.honoursLaneCookie], ['X-Env', true, true]);
});

test('a cookie with nothing but a name is for the whole host and lasts as long as the browser', async () => {
  const { config } = await narrow(', lane: { name: base, cookie: { name: lane } }', '');
  assert.deepEqual(config?.routes[0]?.laneAnswer, {
    header: '',
    cookie: { name: 'lane', path: '/', maxAgeSeconds: null, sameSite: '', alwaysSecure: false },
  });
});

const HONOURING = ', lane: { name: v2, honourCookie: true }';

interface Mistake {
  readonly route: string;
  readonly canary: string;
  /** Severity and field. */
  readonly at: string;
  readonly message: RegExp;
}

const mistakes: readonly Mistake[] = [
  {
    route: ', lane: { name: "a b" }',
    canary: '',
    at: 'rejected routes[0].lane.name',
    message: /expected 1 to 63 letters/,
  },
  {
    route: ', lane: { name: base, answerHeader: Content-Length }',
    canary: '',
    at: 'rejected routes[0].lane.answerHeader',
    message: /expected a name like X-Lane that means nothing to browsers, proxies or sluice/,
  },
  {
    route: ', lane: { name: base, cookie: { name: "a=b" } }',
    canary: '',
    at: 'rejected routes[0].lane.cookie.name',
    message: /expected a name like sluice-lane/,
  },
  {
    route: ', lane: { name: base, cookie: { name: lane, path: "/; Domain=example" } }',
    canary: '',
    at: 'rejected routes[0].lane.cookie.path',
    message: /without spaces and `;`/,
  },
  {
    route: ', lane: { name: base, honour: true }',
    canary: '',
    at: 'rejected routes[0].lane.honour',
    message: /unknown|not known/,
  },
  {
    route: ', lane: { name: base }',
    canary: HONOURING,
    at: 'rejected routes[0].canaries[0].lane.honourCookie',
    message: /has no effect without `lane.cookie` of the route/,
  },
  {
    route: ', lane: { name: v2, cookie: { name: lane } }',
    canary: HONOURING,
    at: 'rejected routes[0].canaries[0].lane.name',
    message: /is also the lane of the route/,
  },
  {
    route: ', affinity: { cookie: { name: LANE } }, lane: { name: base, cookie: { name: lane } }',
    canary: HONOURING,
    at: 'rejected routes[0].lane.cookie.name',
    message: /is also the name of the session cookie/,
  },
  {
    route: ', lane: { name: base, cookie: { name: __Host-lane, path: /shop } }',
    canary: HONOURING,
    at: 'warning routes[0].lane.cookie.name',
    message: /browsers drop cookies/,
  },
  {
    route: ', lane: { name: base, cookie: { name: lane } }',
    canary: ', lane: { name: v2, honour: true }',
    at: 'warning routes[0].lane.cookie',
    message: /is not set: no canary has `lane.honourCookie`/,
  },
];

for (const { route, canary, at, message } of mistakes) {
  test(`${at.slice(at.indexOf(' ') + 1)}: ${message.source}`, async () => {
    const { problems } = await narrow(route, canary);
    assert.deepEqual(
      problems.map(({ severity, field }) => `${severity} ${field}`),
      [at],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}
