/** More clients than the program lets in, and fewer open files than they would take. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const CONFIG = {
  upstreams: { a: { endpoints: [{ address: '127.0.0.1:1' }] } },
  routes: [{ host: 'a', upstream: 'a' }],
};
const GET = 'GET / HTTP/1.1\r\nHost: unknown\r\n\r\n';

interface LimitOptions {
  readonly openFiles?: number;
  readonly args: readonly string[];
}

async function start(t: TestContext, options: LimitOptions): Promise<SluiceProcess> {
  const sluice = await SluiceProcess.start({ config: CONFIG, ...options });
  t.after(() => sluice.kill());
  return sluice;
}

/** Null when the connection was closed instead of answered. */
async function tryRequest(port: number): Promise<RawClient | null> {
  try {
    const client = await RawClient.connect(port);
    client.write(GET);
    assert.equal(await client.status(), 404);
    return client;
  } catch {
    return null;
  }
}

async function metric(sluice: SluiceProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${sluice.adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

test('clients above the limit are closed and counted, those below it are served on', async (t) => {
  const sluice = await start(t, { args: ['--max-connections', '5'] });
  const clients = await Promise.all(Array.from({ length: 12 }, () => tryRequest(sluice.httpPort)));
  const served = clients.filter((client) => client !== null);
  assert.equal(served.length, 5);
  assert.equal(await metric(sluice, 'sluice_connections_refused_total'), 7);
  assert.equal(await metric(sluice, 'sluice_accept_errors_total'), 0);
  assert.equal((await sluice.log('too many connections, closing new ones'))['maxConnections'], 5);
  for (const client of served) {
    client.write(GET);
    assert.equal(await client.status(), 404);
    client.destroy();
  }
});

test('with few open files, fewer connections are held than asked for, and the limit is never reached', async (t) => {
  const sluice = await start(t, { openFiles: 300, args: ['--max-connections', '10000', '--workers', '2'] });
  const warning = await sluice.log('limit of open files too low, fewer connections than asked for');
  assert.equal(warning['openFiles'], 300);
  assert.equal(warning['openFilesWanted'], 21_590);
  assert.equal(warning['maxConnections'], 32);
  const clients = await Promise.all(Array.from({ length: 400 }, () => tryRequest(sluice.httpPort)));
  const served = clients.filter((client) => client !== null);
  assert.ok(served.length > 0 && served.length <= 32, `${served.length} served`);
  assert.equal(await metric(sluice, 'sluice_connections_refused_total'), 400 - served.length);
  assert.equal(await metric(sluice, 'sluice_accept_errors_total'), 0);
  for (const client of served) client.destroy();
});
