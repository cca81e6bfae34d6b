/** Limits of time for HTTP/2 clients, with settings no flag offers: a proxy inside the test's own process. */
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { Http2Client } from '../support/http2-client.ts';
import { ACK, FrameClient, FrameType, frame, getFrame, uint32 } from '../support/http2-frames.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { ManualTime } from '../support/manual-time.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
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
  settings: ConstructorParameters<typeof InProcessProxy>[0],
): Promise<InProcessProxy> {
  const proxy = new InProcessProxy(settings);
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [routeConfig('r', 'a')],
  });
  return proxy;
}

async function connect(t: TestContext, proxy: InProcessProxy): Promise<Http2Client> {
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  return client;
}

test('a connection without requests is closed with a GOAWAY, before the first as after the last', async (t) => {
  const fresh = await connect(t, await start(t, { headTimeoutMs: SHORT_MS }));
  await fresh.untilClosed();
  assert.equal(fresh.goawayCode, constants.NGHTTP2_NO_ERROR);
  const used = await connect(t, await start(t, { keepAliveTimeoutMs: SHORT_MS }));
  await used.get('/');
  await used.untilClosed();
  assert.equal(used.goawayCode, constants.NGHTTP2_NO_ERROR);
});

test('a client that ignores our GOAWAY and our end is cut', async (t) => {
  const proxy = await start(t, { keepAliveTimeoutMs: SHORT_MS, headTimeoutMs: SHORT_MS });
  const client = await FrameClient.connect(proxy.port);
  await client.goawayCode();
  await client.raw.remainder();
  const trickle = setInterval(() => client.write(frame(FrameType.Ping, 0, 0, '12345678')), 20);
  await client.raw.closed();
  clearInterval(trickle);
  assert.equal(proxy.worker.activeConnections, 0);
});

test('a connection with a request under way is not idle', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, { keepAliveTimeoutMs: SHORT_MS, headTimeoutMs: SHORT_MS });
  const client = await connect(t, proxy);
  const idle = await connect(t, proxy);
  for (const each of [client, idle]) await each.get('/');
  upstream.forget();
  upstream.script = () => null;
  const slow = client.get('/');
  const { connection } = await upstream.request();
  time.pass(SHORT_MS);
  await idle.untilClosed();
  assert.equal(client.goawayCode, -1);
  connection.write(ok('at last'));
  assert.equal((await slow).body, 'at last');
});

test('a body that stops coming is 408, and the back end never gets its end', async (t) => {
  const time = new ManualTime(t.mock);
  const proxy = await start(t, { bodyTimeoutMs: SHORT_MS });
  const client = await connect(t, proxy);
  const upload = client.open({ ':path': '/stalled', ':authority': 'a', ':method': 'POST' });
  upload.stream.write('hello');
  const connection = await upstream.until(() =>
    upstream.connections.find(({ received }) => received.includes('/stalled') && received.includes('hello')),
  );
  time.pass(SHORT_MS);
  assert.equal(await upload.status(), 408);
  await upstream.untilClosed(connection);
  assert.equal(upstream.requests.length, 0);
  assert.equal((await client.get('/')).body, 'fine');
  assert.equal(proxy.worker.activeRequests, 0);
});

test('a client that does not read a large response is reset, and its back end connection closed', async (t) => {
  const proxy = await start(t, { writeTimeoutMs: SHORT_MS });
  const client = await connect(t, proxy);
  const size = 16 * 1_048_576;
  upstream.script = ({ target, connection }) => {
    if (target !== '/large') return ok('fine');
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    return Buffer.alloc(size);
  };
  const large = client.open({ ':path': '/large', ':authority': 'a' }, true);
  await large.status();
  large.stream.pause();
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  assert.equal(proxy.worker.activeRequests, 0);
  large.stream.resume();
  assert.notEqual(await large.resetCode(), constants.NGHTTP2_NO_ERROR);
  assert.equal((await client.get('/')).body, 'fine');
});

test('a client that gives no credit cannot keep small responses for ever', async (t) => {
  const proxy = await start(t, { writeTimeoutMs: SHORT_MS });
  const client = await FrameClient.connect(proxy.port);
  // SETTINGS_INITIAL_WINDOW_SIZE (4) = 0.
  client.write(frame(FrameType.Settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(0)])));
  client.write(getFrame(1));
  assert.equal(await client.resetCode(1), constants.NGHTTP2_CANCEL);
  client.write(frame(FrameType.Ping, 0, 0, '12345678'));
  assert.equal((await client.find(FrameType.Ping, 0)).flags, ACK);
  client.destroy();
});

test('what is not finished at the end of the drain time is reset, not ended', async (t) => {
  const proxy = await start(t, {});
  const client = await connect(t, proxy);
  upstream.script = () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
  const slow = client.open({ ':path': '/', ':authority': 'a' }, true);
  await slow.until(() => slow.receivedBytes === 4);
  await proxy.server.drain(SHORT_MS);
  assert.notEqual(await slow.resetCode(), constants.NGHTTP2_NO_ERROR);
  assert.equal(slow.ended, false);
  assert.equal(proxy.worker.activeRequests, 0);
  assert.equal(proxy.worker.activeConnections, 0);
});

test('a fault of ours costs one request: 500 before the answer, a log line, and the connection goes on', async (t) => {
  const proxy = await start(t, {});
  const client = await connect(t, proxy);
  const { requestIds } = proxy.worker;
  t.mock.method(
    requestIds,
    'next',
    () => {
      throw new Error('out of ids');
    },
    { times: 1 },
  );
  assert.equal(await (await client.get('/')).status(), 500);
  assert.equal((await client.get('/')).body, 'fine');
  assert.equal(proxy.worker.activeRequests, 0);
});

test('a client that says nothing while it is answered is not idle: the silence of the back end counts', async (t) => {
  const time = new ManualTime(t.mock);
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n';
  const talking = await ScriptedUpstream.start(() => head, { headOnly: true });
  t.after(() => talking.close());
  const proxy = new InProcessProxy({ bodyTimeoutMs: 8 * SHORT_MS });
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [upstreamConfig('a', talking.address)],
    routes: [routeConfig('r', 'a', { policy: { ...DEFAULT_ROUTE_POLICY, responseTimeoutMs: 20 * SHORT_MS } })],
  });
  const client = await connect(t, proxy);
  const dialogue = client.open({ ':path': '/dialogue', ':authority': 'a', ':method': 'POST' });
  dialogue.stream.write('hello');
  await dialogue.until(() => dialogue.body === 'hi');
  assert.equal(await dialogue.status(), 200);
  const { connection } = await talking.request();
  time.pass(20 * SHORT_MS - 1);
  assert.equal(proxy.worker.activeRequests, 1, 'not cut before the back end had its time');
  time.pass(1);
  await talking.untilClosed(connection);
  assert.equal(proxy.worker.activeRequests, 0);
});
