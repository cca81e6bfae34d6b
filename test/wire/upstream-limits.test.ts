/** Limits of upstreams and endpoints over real sockets: who is let in, who waits, who is turned away, and how they leave. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { DEFAULT_UPSTREAM_POLICY, type UpstreamLimits } from '../../src/model/upstream-policy.ts';
import { TICK_MS } from '../../src/proxy/coarse-clock.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { Http2Client } from '../support/http2-client.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, statusOf } from '../support/raw-message.ts';
import { ok, reply, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

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
  for (const upstream of [one, other]) {
    upstream.forget();
    upstream.script = () => null;
  }
});

class Limited {
  readonly proxy: InProcessProxy;
  readonly ended: AwaitedState;

  constructor() {
    this.ended = new AwaitedState();
    this.proxy = new InProcessProxy({}, () => this.ended.report());
  }

  static async start(t: TestContext, part: Partial<UpstreamLimits>, ...addresses: readonly string[]): Promise<Limited> {
    const limited = new Limited();
    t.after(() => limited.proxy.close());
    await limited.apply(part, ...addresses);
    return limited;
  }

  async apply(part: Partial<UpstreamLimits>, ...addresses: readonly string[]): Promise<void> {
    const limits = { ...DEFAULT_UPSTREAM_POLICY.limits, ...part };
    await this.proxy.apply({
      upstreams: [{ ...upstreamConfig('a', ...addresses), limits }],
      routes: [routeConfig('r', 'a')],
    });
  }

  get waiting(): number {
    return this.proxy.live.upstreams.get('a')?.traffic.admission?.waiting ?? -1;
  }

  async untilWaiting(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.waiting === count) resolve();
      else setImmediate(look);
    };
    look();
    await promise;
  }
}

async function open(t: TestContext, limited: Limited, target: string, method = 'GET'): Promise<RawClient> {
  const client = await RawClient.connect(limited.proxy.port);
  t.after(() => client.destroy());
  client.write(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return client;
}

test('what is above the limit waits, and is sent in its order when there is room', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  const first = await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  const third = await open(t, limited, '/3');
  await limited.untilWaiting(2);
  assert.equal(one.requests.length, 1);
  one.script = ({ target }) => ok(target);
  one.requests[0]?.connection.write(ok('/1'));
  for (const client of [first, second, third]) assert.equal(await client.status(), 200);
  assert.deepEqual(
    one.requests.map(({ target }) => target),
    ['/1', '/2', '/3'],
  );
  assert.equal(limited.waiting, 0);
});

test('time in line does not count as slowness of the endpoint', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  const upstream = limited.proxy.live.upstreams.get('a');
  assert.ok(upstream !== null);
  one.script = () => ok('/2');
  const releasedMs = performance.now();
  const record: typeof upstream.record = (_endpoint, _result, latencyMs) =>
    latencies.push([latencyMs, performance.now()]);
  const latencies: [number, number][] = [];
  t.mock.method(upstream, 'record', record);
  one.requests[0]?.connection.write(ok('/1'));
  assert.equal(await second.status(), 200);
  await limited.ended.until(() => latencies[1]);
  const [latencyMs = 0, endMs = 0] = latencies[1] ?? [];
  assert.ok(latencyMs <= endMs - releasedMs, `${latencyMs} of ${endMs - releasedMs} ms`);
});

test('when as many wait as may, the next one is answered 503 with Retry-After, and says why in the log', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1, maxPending: 1 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  await open(t, limited, '/2');
  await limited.untilWaiting(1);
  const third = await open(t, limited, '/3');
  const response = await third.response();
  assert.equal(statusOf(response), 503);
  assert.equal(fieldOf(response, 'Retry-After'), '1');
  assert.deepEqual(
    limited.proxy.accessLog.map(({ target, outcome }) => [target, outcome]),
    [['/3', 'upstream-overloaded']],
  );
});

test('a request that has waited for as long as it may is answered 503 with Retry-After', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1, pendingTimeoutMs: 200 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  const response = await second.response();
  assert.equal(statusOf(response), 503);
  assert.equal(fieldOf(response, 'Retry-After'), '1');
  assert.equal(limited.proxy.accessLog[0]?.outcome, 'upstream-queue-timeout');
  assert.equal(one.requests.length, 1);
});

test('a client that goes away leaves the line, and its request is never sent', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  second.destroy();
  await limited.untilWaiting(0);
  const third = await open(t, limited, '/3');
  await limited.untilWaiting(1);
  one.script = ({ target }) => ok(target);
  one.requests[0]?.connection.write(ok('/1'));
  assert.equal(await third.status(), 200);
  assert.deepEqual(
    one.requests.map(({ target }) => target),
    ['/1', '/3'],
  );
});

test('a body that comes while its request waits is held back, and sent whole', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const body = 'b'.repeat(500_000);
  const second = await RawClient.connect(limited.proxy.port);
  t.after(() => second.destroy());
  second.write(`POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
  second.write(body);
  await limited.untilWaiting(1);
  one.script = (request) => ok(String(request.body.length));
  one.requests[0]?.connection.write(ok('/1'));
  assert.equal((await second.response()).body.toString(), '500000');
});

test('an endpoint that is full is passed over while another has room', async (t) => {
  const limited = await Limited.start(t, { maxRequestsPerEndpoint: 1 }, `${one.address}*1000`, other.address);
  await open(t, limited, '/1');
  await one.request(1);
  await open(t, limited, '/2');
  await other.request(1);
  await open(t, limited, '/3');
  await limited.untilWaiting(1);
  assert.deepEqual([one.requests.length, other.requests.length], [1, 1]);
});

test('connections are not opened beyond their limit; idle ones are used, and those that are closed make room', async (t) => {
  const limited = await Limited.start(t, { maxConnections: 1 }, one.address);
  const known = one.connections.length;
  const first = await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  one.requests[0]?.connection.write(ok('1'));
  assert.equal(await first.status(), 200);
  await one.request(2);
  assert.equal(one.connections.length, known + 1, 'the idle connection was used');
  const third = await open(t, limited, '/3');
  await limited.untilWaiting(1);
  one.script = () => ok('3');
  one.requests[1]?.connection.socket.end(ok('2', 'Connection: close'));
  assert.deepEqual([await second.status(), await third.status()], [200, 200]);
  assert.equal(one.connections.length, known + 2);
});

test('a limit on connections of an endpoint leads to the other one', async (t) => {
  const limited = await Limited.start(t, { maxConnectionsPerEndpoint: 1 }, `${one.address}*1000`, other.address);
  await open(t, limited, '/1');
  await one.request(1);
  await open(t, limited, '/2');
  await other.request(1);
});

test('requests of HTTP/2 wait like others, and many share one connection to a back end of HTTP/2', async (t) => {
  const back = await Http2Upstream.start(() => undefined);
  t.after(() => back.close());
  const limited = await Limited.start(t, {}, one.address);
  const limits = { ...DEFAULT_UPSTREAM_POLICY.limits, maxRequests: 2, maxConnections: 1 };
  const upstream = { ...upstreamConfig('a', back.address), protocol: 'http2' as const, limits };
  await limited.proxy.apply({ upstreams: [upstream], routes: [routeConfig('r', 'a')] });
  const client = await Http2Client.connect(`http://127.0.0.1:${limited.proxy.port}`);
  t.after(() => client.destroy());
  const responses = ['/1', '/2', '/3'].map((path) => client.get(path));
  await back.request(2);
  await limited.untilWaiting(1);
  assert.equal(back.sessions.length, 1);
  back.script = (request) => request.answer('late');
  for (const request of back.requests) request.answer('fine');
  assert.deepEqual(
    (await Promise.all(responses)).map(({ body }) => body),
    ['fine', 'fine', 'late'],
  );
});

test('a stream that its client resets leaves the line', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const client = await Http2Client.connect(`http://127.0.0.1:${limited.proxy.port}`);
  t.after(() => client.destroy());
  const exchange = client.open({ ':path': '/2', ':authority': 'a' }, true);
  await limited.untilWaiting(1);
  exchange.stream.close(8);
  await limited.untilWaiting(0);
});

test('new limits let in who waits, and a retry does not stand in line behind new requests', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  await open(t, limited, '/2');
  await limited.untilWaiting(1);
  one.requests[0]?.connection.socket.resetAndDestroy();
  assert.equal((await one.request(2)).target, '/1');
  assert.equal(limited.waiting, 1);
  await limited.apply({}, one.address);
  assert.equal((await one.request(3)).target, '/2');
});

test('who waits at an upstream that a new configuration no longer has is sent there in turn', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  const first = await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  await limited.proxy.apply({});
  const { clock } = limited.proxy.worker;
  const removedMs = clock.nowMs;
  await eventuallyTrue(() => clock.nowMs > removedMs + 2 * TICK_MS);
  one.script = ({ target }) => ok(target);
  one.requests[0]?.connection.write(ok('/1'));
  assert.deepEqual([await first.status(), await second.status()], [200, 200]);
});

test('who waits there in vain is answered 503 with Retry-After when the time is up', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1, pendingTimeoutMs: 300 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  await limited.proxy.apply({});
  const response = await second.response();
  assert.equal(statusOf(response), 503);
  assert.equal(fieldOf(response, 'Retry-After'), '1');
  assert.equal(limited.proxy.accessLog[0]?.outcome, 'upstream-queue-timeout');
});

test('a shorter time and a shorter line hold for those who wait already', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1, pendingTimeoutMs: 60_000 }, one.address);
  await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  const third = await open(t, limited, '/3');
  await limited.untilWaiting(2);
  await limited.apply({ maxRequests: 1, pendingTimeoutMs: 60_000, maxPending: 1 }, one.address);
  const response = await third.response();
  assert.equal(statusOf(response), 503);
  assert.equal(fieldOf(response, 'Retry-After'), '1');
  await limited.apply({ maxRequests: 1, pendingTimeoutMs: 1 }, one.address);
  assert.equal(await second.status(), 503);
  assert.deepEqual(
    limited.proxy.accessLog.map(({ target, outcome }) => [target, outcome]),
    [
      ['/3', 'upstream-overloaded'],
      ['/2', 'upstream-queue-timeout'],
    ],
  );
});

test('a drain lets those in line go on, and ends when they have', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  const first = await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  const drained = limited.proxy.server.drain(30_000);
  one.script = ({ target }) => ok(target);
  one.requests[0]?.connection.write(ok('/1'));
  assert.deepEqual([await first.status(), await second.status()], [200, 200]);
  await drained;
});

test('at the deadline of a drain the line is emptied', async (t) => {
  const limited = await Limited.start(t, { maxRequests: 1 }, one.address);
  const first = await open(t, limited, '/1');
  await one.request(1);
  const second = await open(t, limited, '/2');
  await limited.untilWaiting(1);
  await limited.proxy.server.drain(0);
  assert.equal(limited.waiting, 0);
  assert.equal(limited.proxy.worker.activeRequests, 0);
  for (const client of [first, second]) assert.equal((await client.remainder()).text, '');
});

test('in the whole program, limits are shares of the workers, and metrics tell of the line', async (t) => {
  const sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: one.address }], limits: { maxRequests: 1, maxPending: 1 } } },
      routes: [{ upstream: 'a' }],
    },
  });
  t.after(() => sluice.kill());
  const send = async (target: string): Promise<RawClient> => {
    const client = await RawClient.connect(sluice.httpPort);
    t.after(() => client.destroy());
    client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return client;
  };
  await send('/1');
  await one.request(1);
  const waiting = [await send('/2'), await send('/3')];
  const turnedAway = await Promise.race(waiting.map((client) => client.response()));
  assert.equal(statusOf(turnedAway), 503);
  assert.equal(await sluice.metric('sluice_upstream_pending_requests{upstream="a"}'), 1);
  const rejected = 'sluice_upstream_rejected_requests_total{upstream="a",reason="queue-full"}';
  assert.equal(await sluice.metric(rejected), 1);
  one.requests[0]?.connection.write(reply(200, ''));
});
