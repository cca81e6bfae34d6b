/** Ports that change hands while clients connect without a pause: to a listener of a new configuration, to a new process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { ConnectStorm } from '../support/connect-storm.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
});

after(() => upstream.close());

function config(part: Readonly<Record<string, unknown>> = {}): unknown {
  return { upstreams: { a: { endpoints: [{ address: upstream.address }] } }, routes: [{ upstream: 'a' }], ...part };
}

/**
 * Nobody is refused, ever. The kernel resets who arrives in the fraction of a millisecond between the last look at the
 * queue of a socket and its close; on a busy machine that is now and then one.
 */
function assertUnharmed(t: TestContext, storm: ConnectStorm): void {
  const { answered, refused, reset, unanswered, total } = storm;
  t.diagnostic(`${answered} answered, ${refused} refused, ${reset} reset, ${unanswered} closed without an answer`);
  assert.equal(refused, 0);
  assert.equal(unanswered, 0, storm.strangeAnswer);
  assert.ok(reset <= total / 100, `${reset} of ${total} reset`);
}

test('a second process takes over the ports of the first, and no client is refused', async (t) => {
  const first = await SluiceProcess.start({ config: config(), args: ['--workers', '2'] });
  t.after(() => first.kill());
  const storm = new ConnectStorm(first.httpPort, 8);
  await storm.more(100);
  const ports = ['--http-port', String(first.httpPort), '--https-port', String(first.httpsPort)];
  const args = ['--workers', '2', '--takeover', ...ports, '--admin-port', String(first.adminPort)];
  const second = await SluiceProcess.start({ config: config(), args });
  t.after(() => second.kill());
  assert.equal(second.httpPort, first.httpPort);
  assert.equal(second.adminPort, first.adminPort);
  await storm.more(100);
  first.signal('SIGTERM');
  assert.deepEqual(await first.exited(), { code: 0, signal: null });
  await storm.more(200);
  await storm.stop();
  assertUnharmed(t, storm);
  assert.equal((await fetch(`http://127.0.0.1:${second.adminPort}/readyz`)).status, 200);
});

test('a listener that is opened anew on its port by a new configuration refuses no client', async (t) => {
  const port = await freePort();
  const listeners = (name: string): Readonly<Record<string, unknown>> => ({ listeners: [{ name, port }] });
  const sluice = await SluiceProcess.start({ config: config(listeners('one')), args: ['--workers', '2'] });
  t.after(() => sluice.kill());
  const storm = new ConnectStorm(port, 8);
  for (const name of ['two', 'three', 'four']) {
    await storm.more(100);
    await sluice.reload(config(listeners(name)));
  }
  await storm.more(100);
  await storm.stop();
  assertUnharmed(t, storm);
});

/** A free port below those that the kernel gives to whoever asks for any: nobody else gets it meanwhile. */
async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = net.createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
