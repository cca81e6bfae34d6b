/** Tunnels count like any connection: towards the limit, and when the program ends. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(
    () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    { headOnly: true },
  );
});

after(() => upstream.close());

async function start(t: TestContext, ...args: readonly string[]): Promise<SluiceProcess> {
  const config = configTo(upstream.address);
  const sluice = await SluiceProcess.start({ config, args });
  t.after(() => sluice.kill());
  upstream.forget();
  return sluice;
}

async function openTunnel(sluice: SluiceProcess): Promise<RawClient> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  assert.equal(await client.status(), 101);
  return client;
}

test('an open tunnel takes a place under the limit of connections, and gives it back', async (t) => {
  const sluice = await start(t, '--max-connections', '1');
  const tunnel = await openTunnel(sluice);
  await assert.rejects(openTunnel(sluice));
  const { connection } = await upstream.request();
  // Not merely closed: that would be a half-close, and the back end might still have something to say.
  tunnel.reset();
  await upstream.untilClosed(connection);
  // The place is free when the client's socket is gone as well, a moment later.
  let next: RawClient | null = null;
  while (next === null) next = await openTunnel(sluice).catch(() => null);
  next.destroy();
});

test('a tunnel may go on while the program drains, which ends with it', async (t) => {
  const sluice = await start(t, '--drain-timeout', '10m');
  const tunnel = await openTunnel(sluice);
  const { connection } = await upstream.request();
  sluice.signal('SIGTERM');
  await sluice.log('draining');
  tunnel.write('still talking');
  await upstream.until(() => (connection.received.toString().endsWith('still talking') ? true : undefined));
  tunnel.reset();
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});

test('a tunnel that is left at the end of the drain time is cut', async (t) => {
  const sluice = await start(t, '--drain-timeout', '500ms');
  const tunnel = await openTunnel(sluice);
  const { connection } = await upstream.request();
  sluice.signal('SIGTERM');
  assert.notEqual((await tunnel.remainder()).ending, 'open');
  await upstream.untilClosed(connection);
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});
