/** Start and end of the program: readiness, draining, signals, ports that are taken. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(({ target }) => (target === '/slow' ? null : ok('quick')));
});

after(() => upstream.close());

function config(): unknown {
  return configTo(upstream.address);
}

async function start(t: TestContext, args: readonly string[] = []): Promise<SluiceProcess> {
  const sluice = await SluiceProcess.start({ config: config(), args });
  t.after(() => sluice.kill());
  upstream.forget();
  return sluice;
}

async function startSlowRequest(sluice: SluiceProcess): Promise<RawClient> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await upstream.request();
  return client;
}

async function readiness(sluice: SluiceProcess): Promise<number> {
  return (await fetch(`http://127.0.0.1:${sluice.adminPort}/readyz`)).status;
}

for (const workers of ['1', '2']) {
  test(`SIGTERM with ${workers} worker(s): requests under way are finished, idle connections closed, exit code 0`, async (t) => {
    const sluice = await start(t, ['--workers', workers]);
    assert.equal(await readiness(sluice), 200);
    const idle = await RawClient.connect(sluice.httpPort);
    idle.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await idle.response();
    const fresh = await RawClient.connect(sluice.httpPort);
    upstream.forget();
    const busy = await startSlowRequest(sluice);
    sluice.signal('SIGTERM');
    await sluice.log('draining');
    assert.equal((await idle.remainder()).ending, 'end');
    assert.equal((await fresh.remainder()).ending, 'end');
    idle.destroy();
    fresh.destroy();
    assert.equal(await readiness(sluice), 503);
    (await upstream.request()).connection.write(ok('in time'));
    const response = await busy.response();
    assert.equal(response.body.toString(), 'in time');
    assert.equal(fieldOf(response, 'Connection'), 'close');
    assert.equal((await busy.remainder()).ending, 'end');
    busy.destroy();
    assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
  });
}

test('SIGINT drains like SIGTERM', async (t) => {
  const sluice = await start(t);
  sluice.signal('SIGINT');
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});

test('what is not finished at the end of the drain time is cut, and the exit code is still 0', async (t) => {
  const sluice = await start(t, ['--drain-timeout', '300ms']);
  const busy = await startSlowRequest(sluice);
  sluice.signal('SIGTERM');
  assert.notEqual((await busy.remainder()).ending, 'open');
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});

test('a second signal ends the program at once', async (t) => {
  const sluice = await start(t);
  const busy = await startSlowRequest(sluice);
  sluice.signal('SIGTERM');
  await sluice.log('draining');
  sluice.signal('SIGTERM');
  assert.deepEqual(await sluice.exited(), { code: 1, signal: null });
  busy.destroy();
});

test('a port that is taken is named, and the program ends with 1', async (t) => {
  const occupier = net.createServer();
  await new Promise<void>((resolve) => {
    occupier.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => occupier.close());
  const { port } = occupier.address() as net.AddressInfo;
  for (const flag of ['--http-port', '--admin-port']) {
    const sluice = new SluiceProcess({ config: config(), args: [flag, String(port)] });
    t.after(() => sluice.kill());
    assert.deepEqual(await sluice.exited(), { code: 1, signal: null });
    const errors = sluice.logs.filter(({ level }) => level === 'error').map((line) => JSON.stringify(line));
    assert.ok(
      errors.some((line) => line.includes(String(port))),
      `${flag}: ${errors.join('\n')}`,
    );
  }
});

test('two instances cannot share a port by accident', async (t) => {
  const first = await start(t);
  const second = new SluiceProcess({ config: config(), args: ['--http-port', String(first.httpPort)] });
  t.after(() => second.kill());
  assert.deepEqual(await second.exited(), { code: 1, signal: null });
});

test('a configuration with errors at the start ends the program with 1 and names the place', async (t) => {
  const sluice = new SluiceProcess({ config: { routes: [{ upstream: 'nowhere' }] } });
  t.after(() => sluice.kill());
  assert.deepEqual(await sluice.exited(), { code: 1, signal: null });
  const problem = sluice.logs.find(({ msg }) => msg === 'configuration problem');
  assert.match(String(problem?.['problem']), /nowhere/);
  assert.match(String(problem?.['at']), /sluice\.yaml:1:\d+$/);
});
