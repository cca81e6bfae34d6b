/** Retries under load: an upstream that fails is not asked much more for it, and one that half works hides that. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { DEFAULT_ROUTE_POLICY, type RetryCondition } from '../../src/model/route-policy.ts';
import { closedPort } from '../support/closed-port.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, reply, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';

const REQUESTS = 600;
const CLIENTS = 20;

let one: ScriptedUpstream;
let other: ScriptedUpstream;

before(async () => {
  one = await ScriptedUpstream.start(() => null);
  other = await ScriptedUpstream.start(() => null);
});

after(async () => {
  await one.close();
  await other.close();
});

beforeEach(() => {
  for (const upstream of [one, other]) upstream.forget();
});

async function startProxy(
  t: TestContext,
  protocol: 'http1' | 'http2',
  retryOn: readonly RetryCondition[],
  ...addresses: readonly string[]
): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const policy = { ...DEFAULT_ROUTE_POLICY, retryOn };
  await proxy.apply({
    upstreams: [{ ...upstreamConfig('a', ...addresses), protocol }],
    routes: [routeConfig('r', 'a', { policy })],
  });
  return proxy;
}

/** Statuses of `count` GETs from several clients at once, and how often each came. */
async function load(proxy: InProcessProxy, count: number): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  const run = async (): Promise<void> => {
    const client = await RawClient.connect(proxy.port);
    for (let i = 0; i < count / CLIENTS; i++) {
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const status = await client.status();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    client.destroy();
  };
  await Promise.all(Array.from({ length: CLIENTS }, run));
  return statuses;
}

/** Attempts, all endpoints together, as the endpoints count them. */
function attemptsOf(proxy: InProcessProxy): number {
  return proxy.live.upstreams.get('a')?.endpoints.reduce((sum, { requests }) => sum + requests, 0) ?? 0;
}

const reset: Script = ({ connection }) => {
  connection.socket.resetAndDestroy();
  return null;
};

const STORMS: readonly {
  readonly name: string;
  readonly script: Script | null;
  readonly on: readonly RetryCondition[];
  readonly status: number;
}[] = [
  { name: 'breaks every connection', script: reset, on: ['error'], status: 502 },
  { name: 'refuses every connection', script: null, on: ['error'], status: 502 },
  { name: 'answers 503 to everything', script: () => reply(503, 'no'), on: ['http_503'], status: 503 },
];

for (const { name, script, on, status } of STORMS) {
  test(`an upstream that ${name} gets at most 1.2 attempts for each request`, async (t) => {
    const addresses =
      script === null ? [await closedPort(), await closedPort()].map((port) => `127.0.0.1:${port}`) : [];
    if (script !== null) for (const upstream of [one, other]) upstream.script = script;
    const proxy = await startProxy(t, 'http1', on, ...(script === null ? addresses : [one.address, other.address]));
    assert.deepEqual([...(await load(proxy, REQUESTS))], [[status, REQUESTS]]);
    const attempts = attemptsOf(proxy);
    t.diagnostic(`${attempts} attempts for ${REQUESTS} requests: ${(attempts / REQUESTS).toFixed(3)}`);
    assert.ok(attempts > REQUESTS * 1.1, `retries took place: ${attempts}`);
    assert.ok(attempts <= REQUESTS * 1.2, `${attempts} attempts`);
    if (script !== null) assert.equal(one.requests.length + other.requests.length, attempts);
    const { traffic } = proxy.live.upstreams.get('a') as NonNullable<ReturnType<typeof proxy.live.upstreams.get>>;
    assert.ok(traffic.budgetExhausted > 0);
    assert.equal(
      Object.values(traffic.retries).reduce((sum, count) => sum + count, 0),
      attempts - REQUESTS,
    );
  });
}

test('the same for back ends of HTTP/2 that reset every stream', async (t) => {
  const upstream = await Http2Upstream.start((request) => request.stream.close(2));
  t.after(() => upstream.close());
  const proxy = await startProxy(t, 'http2', ['error'], upstream.address);
  assert.deepEqual([...(await load(proxy, REQUESTS))], [[502, REQUESTS]]);
  assert.ok(attemptsOf(proxy) <= REQUESTS * 1.2, `${attemptsOf(proxy)} attempts`);
});

test('with one endpoint of two dead no request fails, however long that lasts', async (t) => {
  other.script = () => ok('alive');
  const proxy = await startProxy(t, 'http1', ['error'], `127.0.0.1:${await closedPort()}`, other.address);
  assert.deepEqual([...(await load(proxy, REQUESTS))], [[200, REQUESTS]]);
});
