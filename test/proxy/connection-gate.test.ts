/** The limits on connections of one worker. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import type { ProxyConfig } from '../../src/model/proxy-config.ts';
import { LENT, WANTED, type WorkerSettings } from '../../src/model/worker-messages.ts';
import { ConnectionGate } from '../../src/proxy/connection-gate.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const WARNING = 'too many connections, closing new ones';

interface Fixture {
  readonly proxy: InProcessProxy;
  /** What it runs. */
  readonly config: Partial<ProxyConfig>;
  readonly clearPort: number;
  readonly tlsPort: number;
}

async function start(t: TestContext, settings: Partial<WorkerSettings>): Promise<Fixture> {
  const upstream = await ScriptedUpstream.start(() => ok('fine'));
  const proxy = new InProcessProxy(settings);
  t.after(async () => {
    await proxy.close();
    await upstream.close();
  });
  const config: Partial<ProxyConfig> = {
    listeners: [listenerConfig('web'), listenerConfig('websecure', { protocol: 'https' })],
    certificates: [certificateConfig('c', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true })],
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [routeConfig('r', 'a')],
  };
  await proxy.apply(config);
  const [clear, secure] = proxy.server.ports;
  return { proxy, config, clearPort: clear?.port ?? 0, tlsPort: secure?.port ?? 0 };
}

/** A connection that is surely accepted, because it was answered. */
async function answered(client: RawClient): Promise<RawClient> {
  client.write(GET);
  assert.equal(await client.status(), 200);
  return client;
}

function portOf(proxy: InProcessProxy, listener: string): number {
  return proxy.server.ports.find((bound) => bound.listener === listener)?.port ?? 0;
}

async function isRefused(port: number): Promise<boolean> {
  const client = await RawClient.connect(port).catch(() => null);
  const refused = client === null || (await client.remainder()).text === '';
  client?.destroy();
  return refused;
}

test('connections beyond the limit are closed at once, whatever listener they come to', async (t) => {
  const { proxy, clearPort, tlsPort } = await start(t, { maxConnections: 3 });
  const held = [
    await answered(await RawClient.connect(clearPort)),
    await answered(await RawClient.connect(clearPort)),
    await answered(await RawClient.connectTls(tlsPort, {})),
  ];
  assert.equal(await isRefused(clearPort), true);
  assert.equal(await isRefused(tlsPort), true);
  assert.equal(proxy.worker.refusedConnections, 2);
  assert.equal(proxy.worker.acceptedConnections, 3);
  assert.equal(proxy.worker.tlsHandshakeErrors, 0);
  for (const client of held) await answered(client);
  assert.equal(proxy.logger.messages().filter((message) => message === WARNING).length, 1);
  for (const client of held) client.destroy();
});

for (const kind of ['clear', 'tls', 'handshaking'] as const) {
  test(`a ${kind} connection that is closed makes room for another`, async (t) => {
    const { proxy, clearPort, tlsPort } = await start(t, { maxConnections: 1 });
    for (let round = 1; round <= 5; round++) {
      const first =
        kind === 'tls'
          ? await RawClient.connectTls(tlsPort, {})
          : await RawClient.connect(kind === 'clear' ? clearPort : tlsPort);
      if (kind !== 'handshaking') await answered(first);
      assert.equal(await isRefused(clearPort), true);
      first.socket.end();
      await first.remainder();
      first.destroy();
    }
    assert.equal(proxy.worker.refusedConnections, 5);
    (await answered(await RawClient.connect(clearPort))).destroy();
  });
}

test('sockets to endpoints count towards the open files', async (t) => {
  const { proxy, clearPort } = await start(t, { maxConnections: 100, maxSockets: 3 });
  const first = await RawClient.connect(clearPort);
  const second = await RawClient.connect(clearPort);
  await answered(first);
  await answered(second);
  assert.equal(proxy.worker.upstreamConnections, 1);
  assert.equal(await isRefused(clearPort), true);
  for (const { endpoints } of proxy.live.upstreams.all()) for (const { transport } of endpoints) transport?.close();
  assert.equal(proxy.worker.upstreamConnections, 0);
  const third = await RawClient.connect(clearPort);
  await answered(third);
  for (const client of [first, second, third]) client.destroy();
});

test('a storm of refused connections is one line in ten seconds, with their number', (t) => {
  const proxy = new InProcessProxy({ maxConnections: 0 });
  t.after(() => proxy.close());
  const gate = new ConnectionGate(proxy.worker);
  const refuse = (): boolean => gate.hasRoom(new net.Socket());
  for (let count = 0; count < 1_000; count++) assert.equal(refuse(), false);
  proxy.worker.clock.nowMs += 9_000;
  refuse();
  proxy.worker.clock.nowMs += 2_000;
  refuse();
  assert.deepEqual(
    proxy.logger.lines.map(({ message, fields }) => [message, fields['count']]),
    [
      [WARNING, 1],
      [WARNING, 1_001],
    ],
  );
  assert.equal(proxy.worker.refusedConnections, 1_002);
});

test('what is lent to probes counts like sockets, and is wanted back by whoever uses half of its files', (t) => {
  const loan = new Int32Array(2);
  const proxy = new InProcessProxy({ maxConnections: 10, maxSockets: 20, loan });
  t.after(() => proxy.close());
  const gate = new ConnectionGate(proxy.worker);
  const hold = (times: number): void => {
    for (let left = times; left > 0; left--) gate.hold(new net.Socket());
  };
  hold(5);
  gate.onTick();
  assert.equal(loan[WANTED], 0);
  hold(1);
  gate.onTick();
  assert.equal(loan[WANTED], 1);
  loan[LENT] = 5;
  hold(1);
  assert.equal(gate.hasRoom(new net.Socket()), true);
  hold(1);
  assert.equal(gate.hasRoom(new net.Socket()), false);
  loan[LENT] = 0;
  assert.equal(gate.hasRoom(new net.Socket()), true);
});

test('a listener that cannot accept goes on; it is counted, and logged seldom', (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const gate = new ConnectionGate(proxy.worker);
  const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
  for (let count = 0; count < 100; count++) gate.onAcceptError('web', error);
  assert.equal(proxy.worker.acceptErrors, 100);
  assert.equal(proxy.logger.lines.length, 1);
});

test('one client gets no more connections than a client may have, others do, and those given up are free again', async (t) => {
  const { proxy, clearPort } = await start(t, { maxConnectionsPerIp: 2 });
  const first = await answered(await RawClient.connect(clearPort));
  const second = await answered(await RawClient.connect(clearPort));
  assert.equal(await isRefused(clearPort), true);
  assert.equal(proxy.worker.refusedPerClient, 1);
  assert.equal(proxy.worker.refusedConnections, 0);
  const warning = proxy.logger.lines.find(({ message }) => message.startsWith('too many connections of one client'));
  assert.deepEqual(warning?.fields, { client: '127.0.0.1', maxConnectionsPerIp: 2, count: 1 });
  const elsewhere = new RawClient(net.connect({ host: '127.0.0.1', port: clearPort, localAddress: '127.0.0.2' }));
  await answered(elsewhere);
  first.destroy();
  await first.closed();
  await eventuallyTrue(() => proxy.worker.activeConnections <= 2);
  await answered(await RawClient.connect(clearPort)).then((client) => client.destroy());
  second.destroy();
  elsewhere.destroy();
});

for (const protocol of ['http', 'https'] as const) {
  test(`behind a balancer each client of its PROXY headers counts by itself (${protocol})`, async (t) => {
    const { proxy, config } = await start(t, { maxConnectionsPerIp: 2 });
    await proxy.apply({
      ...config,
      listeners: [listenerConfig('balanced', { protocol, proxyProtocol: { trusted: ['127.0.0.0/8'] } })],
    });
    const port = portOf(proxy, 'balanced');
    const from = async (client: string): Promise<RawClient> => {
      const raw = await RawClient.connect(port);
      raw.write(`PROXY TCP4 ${client} 198.51.100.1 4000 80\r\n`);
      if (protocol === 'http') return raw;
      const secure = tls.connect({ socket: raw.socket, rejectUnauthorized: false });
      return new RawClient(secure);
    };
    // Nobody's yet: the balancer keeps them ready.
    const waiting = await Promise.all(Array.from({ length: 5 }, () => RawClient.connect(port)));
    const held: RawClient[] = [];
    for (const client of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.2'])
      held.push(await answered(await from(client)));
    assert.equal(proxy.worker.refusedPerClient, 0);
    const third = await from('192.0.2.1');
    assert.equal((await third.remainder()).text, '');
    assert.equal(proxy.worker.refusedPerClient, 1);
    const warning = proxy.logger.lines.find(({ message }) => message.startsWith('too many connections of one client'));
    assert.equal(warning?.fields['client'], '192.0.2.1');
    held[0]?.destroy();
    await eventuallyTrue(() => proxy.worker.activeConnections <= 3);
    held.push(await answered(await from('192.0.2.1')));
    for (const client of [...held, ...waiting, third]) client.destroy();
  });
}
