/** Limits of time, with settings no flag offers: a proxy inside the test's own process. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import type { RoutePolicy } from '../../src/model/route-policy.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import type { WorkerSettings } from '../../src/model/worker-messages.ts';
import type { Sweepable, Watch } from '../../src/proxy/coarse-clock.ts';
import { ServerConnection } from '../../src/proxy/http1/server-connection.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { ManualTime } from '../support/manual-time.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

const SHORT_MS = 250;

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
});

after(() => upstream.close());

beforeEach(() => {
  upstream.forget();
  upstream.script = () => ok('fine');
});

async function start(
  t: TestContext,
  settings: Partial<WorkerSettings>,
  policy: Partial<RoutePolicy> = {},
): Promise<InProcessProxy> {
  const proxy = new InProcessProxy(settings);
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [routeConfig('r', 'a', { policy: { ...DEFAULT_ROUTE_POLICY, ...policy } })],
  });
  return proxy;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a head that is not complete in time is 408, however busily its bytes trickle in', async (t) => {
  const proxy = await start(t, { headTimeoutMs: 10 * SHORT_MS });
  const { clock } = proxy.worker;
  const { client, connection, headBegun } = await connectAtStandstill(t, proxy);
  const begun = headBegun();
  client.write('GET / HTTP/1.1\r\n');
  await begun;
  const { mock: reads } = t.mock.method(connection, 'onRead');
  for (let count = 0; count < 10; count++) {
    client.write('X: y\r\n');
    await eventuallyTrue(() => reads.callCount() > count);
    assert.equal(client.receivedBytes, 0);
    clock.nowMs += SHORT_MS;
    connection.onTick(clock.nowMs);
  }
  const response = await client.response();
  assert.match(response.startLine, / 408 /);
  assert.equal(fieldOf(response, 'Connection'), 'close');
});

test('a connection that never sends a byte is closed without an answer', async (t) => {
  const proxy = await start(t, { headTimeoutMs: SHORT_MS });
  const client = await RawClient.connect(proxy.port);
  assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
});

test('an idle connection is closed without a further answer', async (t) => {
  const proxy = await start(t, { keepAliveTimeoutMs: SHORT_MS });
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  assert.equal(await client.status(), 200);
  assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
});

test('a body that stops coming is 408, and the back end never gets its end', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, { bodyTimeoutMs: SHORT_MS });
  const client = await RawClient.connect(proxy.port);
  client.write('POST /stalled HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  const connection = await upstream.until(() =>
    upstream.connections.find(({ received }) => received.includes('/stalled') && received.includes('hello')),
  );
  time.pass(SHORT_MS);
  assert.equal(await client.status(), 408);
  assert.equal((await client.remainder()).ending, 'end');
  await upstream.untilClosed(connection);
  assert.equal(upstream.requests.length, 0);
  assert.equal(proxy.worker.activeRequests, 0);
});

test('a client that never sends the rest of a body that was answered already is cut', async (t) => {
  const proxy = await start(t, { bodyTimeoutMs: SHORT_MS });
  const client = await RawClient.connect(proxy.port);
  client.write('OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  assert.equal(await client.status(), 204);
  assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
  client.destroy();
});

test('a back end that is silent is 504 after its tries, and its connections are closed', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, {}, { responseTimeoutMs: SHORT_MS, retryAttempts: 2 });
  upstream.script = () => null;
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  for (const attempt of [1, 2]) {
    await upstream.request(attempt);
    time.pass(SHORT_MS);
  }
  assert.equal(await client.status(), 504);
  assert.equal(upstream.requests.length, 2);
  for (const { connection } of upstream.requests) await upstream.untilClosed(connection);
  client.write(GET);
  upstream.script = () => ok('again');
  assert.equal((await client.response()).body.toString(), 'again');
  client.destroy();
});

test('a back end that does not accept in time is 504 after its tries, also for a POST', async (t) => {
  const proxy = await start(t, {}, { connectTimeoutMs: SHORT_MS, retryAttempts: 2 });
  const client = await RawClient.connect(proxy.port);
  const attempts: net.Socket[] = [];
  // An address that answers nothing at all; on loopback every address answers.
  t.mock.method(net, 'connect', () => {
    attempts.push(new net.Socket());
    return attempts.at(-1);
  });
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
  assert.equal(await client.status(), 504);
  assert.deepEqual(
    attempts.map(({ destroyed }) => destroyed),
    [true, true],
  );
  assert.equal(proxy.worker.activeRequests, 0);
  client.destroy();
});

test('a silent back end is not asked twice for a POST', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, {}, { responseTimeoutMs: SHORT_MS });
  upstream.script = () => null;
  const client = await RawClient.connect(proxy.port);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
  await upstream.request();
  time.pass(SHORT_MS);
  assert.equal(await client.status(), 504);
  assert.equal(upstream.requests.length, 1);
  client.destroy();
});

test('a response that stops in the middle is cut, not ended', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, {}, { responseTimeoutMs: SHORT_MS });
  upstream.script = () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  await client.received(1);
  time.pass(SHORT_MS);
  const { text, ending } = await client.remainder();
  assert.equal(ending, 'reset');
  assert.doesNotMatch(text, /\r\n0\r\n\r\n/);
  assert.equal(upstream.requests.length, 1);
});

test('a back end that answers slowly but steadily is waited for', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, {}, { responseTimeoutMs: SHORT_MS });
  upstream.script = () => 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n';
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  const { connection } = await upstream.request();
  await client.received(1);
  for (let left = 20; left > 0; left--) {
    time.pass(SHORT_MS - 1);
    const known = client.receivedBytes;
    connection.write('x');
    await client.received(known + 1);
  }
  assert.equal((await client.response()).body.length, 20);
  client.destroy();
});

test('a client that stops reading is cut, and its back end connection closed', async (t) => {
  const proxy = await start(t, { writeTimeoutMs: SHORT_MS });
  const size = 64 * 1_048_576;
  upstream.script = ({ connection }) => {
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    connection.write(Buffer.alloc(size));
    return null;
  };
  const client = await RawClient.connect(proxy.port);
  client.socket.pause();
  client.write(GET);
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  assert.equal(proxy.worker.activeRequests, 0);
  client.destroy();
});

test('who neither sends nor closes behind the last answer is cut after a while', async (t) => {
  const proxy = await start(t, {});
  const client = await RawClient.connect(proxy.port);
  client.write('BAD\r\n\r\n');
  assert.equal(await client.status(), 400);
  assert.equal((await client.remainder()).ending, 'end');
  const state = new AwaitedState();
  proxy.worker.clock.watch({ onTick: () => state.report() });
  await state.until(() => (proxy.worker.activeConnections === 0 ? true : undefined));
  client.destroy();
});

test('an upstream connection is given up when it has been idle too long', async (t) => {
  const proxy = await start(t, { upstreamIdleTimeoutMs: SHORT_MS });
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  assert.equal(await client.status(), 200);
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  client.destroy();
});

test('an upstream connection is not kept as long as its back end says it will not be', async (t) => {
  const proxy = await start(t, {});
  upstream.script = () => ok('fine', 'Keep-Alive: timeout=1');
  const client = await RawClient.connect(proxy.port);
  client.write(GET);
  assert.equal(await client.status(), 200);
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  client.destroy();
});

/** The one connection of a proxy whose clock the test moves, and a way to wait until a part of a head has been read. */
async function connectAtStandstill(
  t: TestContext,
  proxy: InProcessProxy,
): Promise<{ client: RawClient; connection: ServerConnection; headBegun: () => Promise<unknown> }> {
  const { clock } = proxy.worker;
  clock.close();
  const accepted = new Promise<ServerConnection>((resolve) => {
    const watch = clock.watch.bind(clock);
    t.mock.method(clock, 'watch', (watched: Sweepable): Watch => {
      if (watched instanceof ServerConnection) resolve(watched);
      return watch(watched);
    });
  });
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  const connection = await accepted;
  const begin = connection.onHeadBegun.bind(connection);
  const headBegun = (): Promise<unknown> =>
    new Promise<void>((resolve) => {
      connection.onHeadBegun = () => {
        begin();
        resolve();
      };
    });
  return { client, connection, headBegun };
}

test('the time for the first head begins with the connection', async (t) => {
  const proxy = await start(t, { headTimeoutMs: 10_000 });
  const { clock } = proxy.worker;
  const { client, connection, headBegun } = await connectAtStandstill(t, proxy);
  clock.nowMs += 9_000;
  const begun = headBegun();
  client.write('GET / HTTP/1.1\r\n');
  await begun;
  clock.nowMs += 1_000;
  connection.onTick(clock.nowMs);
  assert.equal(await client.status(), 408);
});

test('the time for a later head begins with its first byte', async (t) => {
  const proxy = await start(t, { headTimeoutMs: 10_000, keepAliveTimeoutMs: 60_000 });
  const { clock } = proxy.worker;
  const { client, connection, headBegun } = await connectAtStandstill(t, proxy);
  client.write(GET);
  assert.equal(await client.status(), 200);
  clock.nowMs += 50_000;
  const begun = headBegun();
  client.write('GET / HTTP/1.1\r\n');
  await begun;
  clock.nowMs += 9_900;
  connection.onTick(clock.nowMs);
  assert.equal(client.receivedBytes > 0 && client.ending, 'open');
  clock.nowMs += 100;
  connection.onTick(clock.nowMs);
  assert.equal(await client.status(), 408);
});
