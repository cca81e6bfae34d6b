/** Several workers behind one port: how connections spread, and what is left of them when a worker dies or hangs. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const FAULT_INJECTOR = new URL('../support/fault-injector.ts', import.meta.url).href;

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
});

after(() => upstream.close());

async function start(t: TestContext, args: readonly string[], preload?: string): Promise<SluiceProcess> {
  const config = configTo(upstream.address);
  const sluice = await SluiceProcess.start({ config, args, ...(preload === undefined ? {} : { preload }) });
  t.after(() => sluice.kill());
  return sluice;
}

/** A connection that has been answered, and so is surely accepted; null when it ended instead. */
async function tryConnect(port: number): Promise<RawClient | null> {
  let client: RawClient;
  try {
    client = await RawClient.connect(port);
  } catch {
    return null;
  }
  return (await isAnswered(client)) ? client : null;
}

async function isAnswered(client: RawClient): Promise<boolean> {
  client.write(GET);
  try {
    return (await client.status()) === 200;
  } catch {
    client.destroy();
    return false;
  }
}

async function connectMany(port: number, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let begun = 0; begun < count; begun += 20) {
    const some = await Promise.all(Array.from({ length: Math.min(20, count - begun) }, () => tryConnect(port)));
    for (const client of some) if (client !== null) clients.push(client);
  }
  assert.equal(clients.length, count);
  return clients;
}

/** Tries until a new connection is answered, and tells how long that took. */
async function timeToAnswer(port: number): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const client = await tryConnect(port);
    if (client !== null) {
      client.destroy();
      return performance.now() - startMs;
    }
    await setImmediate();
  }
}

for (const workers of [2, 4]) {
  test(`connections spread over ${workers} workers`, async (t) => {
    const sluice = await start(t, ['--workers', String(workers)]);
    const clients = await connectMany(sluice.httpPort, 100 * workers);
    const shares: number[] = [];
    for (let worker = 1; worker <= workers; worker++) {
      shares.push(await sluice.metric(`sluice_worker_connections{worker="${worker}"}`));
    }
    t.diagnostic(`connections by worker: ${shares.join(', ')}`);
    assert.equal(
      shares.reduce((sum, share) => sum + share),
      100 * workers,
    );
    // 100 are expected; with a fair spread fewer than 40 come about less than once in a thousand million runs.
    for (const share of shares) assert.ok(share >= 40, shares.join(', '));
    for (const client of clients) client.destroy();
  });
}

test('when a worker dies, the connections of the other live on, and another takes its place', async (t) => {
  const sluice = await start(t, ['--workers', '2'], FAULT_INJECTOR);
  const clients = await connectMany(sluice.httpPort, 60);
  const lost = await sluice.metric('sluice_worker_connections{worker="1"}');
  assert.ok(lost > 0 && lost < 60, String(lost));
  sluice.signal('SIGUSR2');
  const died = await sluice.log('worker died, starting another');
  assert.equal(died['worker'], 1);
  assert.match(JSON.stringify(died['error']), /injected fault/);
  const alive = await Promise.all(clients.map(isAnswered));
  assert.equal(alive.filter((each) => each).length, 60 - lost);
  // The place of the dead worker is worker 3.
  const later = await connectMany(sluice.httpPort, 60);
  while (!((await sluice.metric('sluice_worker_connections{worker="3"}')) >= 0)) await setImmediate();
  later.push(...(await connectMany(sluice.httpPort, 60)));
  assert.ok((await sluice.metric('sluice_worker_connections{worker="3"}')) > 0);
  assert.equal(await sluice.metric('sluice_worker_restarts_total'), 1);
  assert.equal(await sluice.metric('sluice_worker_hangs_total'), 0);
  for (const client of [...clients, ...later]) client.destroy();
});

test('the only worker is replaced within a moment', async (t) => {
  const sluice = await start(t, ['--workers', '1'], FAULT_INJECTOR);
  sluice.signal('SIGUSR2');
  await sluice.log('worker died, starting another');
  const tookMs = await timeToAnswer(sluice.httpPort);
  t.diagnostic(`answered again ${Math.round(tookMs)} ms after the death of the only worker was logged`);
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
});

test('a worker that hangs is replaced, and configuration does not wait for it', async (t) => {
  process.env['FAULT'] = 'hang';
  t.after(() => {
    delete process.env['FAULT'];
  });
  const args = ['--workers', '2', '--worker-hang-timeout', '2s'];
  const sluice = await start(t, args, FAULT_INJECTOR);
  const clients = await connectMany(sluice.httpPort, 40);
  const lost = await sluice.metric('sluice_worker_connections{worker="1"}');
  sluice.signal('SIGUSR2');
  const other = { upstreams: { b: { endpoints: [{ address: upstream.address }] } }, routes: [{ upstream: 'b' }] };
  await sluice.reload(other);
  const hung = await sluice.log('worker hangs, ending it');
  assert.equal(hung['worker'], 1);
  const died = await sluice.log('worker died, starting another');
  assert.match(JSON.stringify(died['error']), /no sign of life for 2000 ms/);
  const alive = await Promise.all(clients.map(isAnswered));
  assert.equal(alive.filter((each) => each).length, 40 - lost);
  const later = await connectMany(sluice.httpPort, 20);
  assert.equal(await sluice.metric('sluice_worker_hangs_total'), 1);
  assert.equal(await sluice.metric('sluice_worker_restarts_total'), 1);
  for (const client of [...clients, ...later]) client.destroy();
});
