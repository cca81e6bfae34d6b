/** What a drain does to connections by the state they are in, in a proxy whose clock stands still. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ServerConnection } from '../../src/proxy/http1/server-connection.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LONG_MS = 60_000;

async function start(t: TestContext): Promise<InProcessProxy> {
  const upstream = await ScriptedUpstream.start(() => ok('fine'));
  const proxy = new InProcessProxy({});
  t.after(async () => {
    await proxy.close();
    await upstream.close();
  });
  await proxy.apply({
    listeners: [listenerConfig('web'), listenerConfig('websecure', { protocol: 'https' })],
    certificates: [certificateConfig('c', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true })],
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [routeConfig('r', 'a')],
  });
  proxy.worker.clock.close();
  return proxy;
}

function untilAccepted(proxy: InProcessProxy, count: number): Promise<void> {
  return eventuallyTrue(() => proxy.worker.acceptedConnections >= count);
}

test('idle connections are closed at once; who has not asked yet may ask, and is closed by the answer', async (t) => {
  const proxy = await start(t);
  const idle = await RawClient.connect(proxy.port);
  idle.write(GET);
  assert.equal(await idle.status(), 200);
  const fresh = await RawClient.connect(proxy.port);
  await untilAccepted(proxy, 2);
  const drained = proxy.server.drain(LONG_MS);
  assert.deepEqual(await idle.remainder(), { text: '', ending: 'end' });
  idle.destroy();
  fresh.write(GET);
  const response = await fresh.response();
  assert.match(response.startLine, / 200 /);
  assert.equal(fieldOf(response, 'Connection'), 'close');
  assert.equal((await fresh.remainder()).ending, 'end');
  fresh.destroy();
  await drained;
});

test('who has connected and does not ask is closed after a moment', async (t) => {
  const proxy = await start(t);
  const drains = t.mock.method(ServerConnection.prototype, 'drain');
  const fresh = await RawClient.connect(proxy.port);
  await untilAccepted(proxy, 1);
  const drained = proxy.server.drain(LONG_MS);
  await eventuallyTrue(() => drains.mock.callCount() > 0);
  const connection = drains.mock.calls[0]?.this as ServerConnection;
  connection.onTick(proxy.worker.clock.nowMs + 999);
  assert.equal(fresh.ending, 'open');
  connection.onTick(proxy.worker.clock.nowMs + 1_000);
  assert.deepEqual(await fresh.remainder(), { text: '', ending: 'end' });
  fresh.destroy();
  await drained;
});

test('connections that wait in the queue of a listener when the drain begins are accepted and answered', async (t) => {
  const proxy = await start(t);
  const clients = Array.from({ length: 50 }, () => RawClient.connect(proxy.port));
  // The kernel has completed some of the handshakes by now, and nothing has been accepted: this turn has not ended.
  const connected = clients.map(async (client) => {
    const each = await client;
    each.write(GET);
    const status = await each.status();
    each.destroy();
    return status;
  });
  const drained = proxy.server.drain(LONG_MS);
  assert.deepEqual(new Set(await Promise.all(connected)), new Set([200]));
  await drained;
});

test('a TLS handshake under way is waited for, and its first request answered', async (t) => {
  const proxy = await start(t);
  const securePort = proxy.server.ports[1]?.port ?? 0;
  const socket = await RawClient.connect(securePort);
  const drained = proxy.server.drain(LONG_MS);
  const client = await RawClient.connectTls(securePort, { socket: socket.socket });
  client.write(GET);
  const response = await client.response();
  assert.match(response.startLine, / 200 /);
  assert.equal(fieldOf(response, 'Connection'), 'close');
  client.socket.end();
  await drained;
});

test('what has not ended at the deadline is cut', async (t) => {
  const proxy = await start(t);
  const fresh = await RawClient.connect(proxy.port);
  await untilAccepted(proxy, 1);
  await proxy.server.drain(300);
  assert.notEqual((await fresh.remainder()).ending, 'open');
  fresh.destroy();
});
