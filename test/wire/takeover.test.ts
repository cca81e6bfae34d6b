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

const CLIENTS = 8;
const WORKERS = 2;

/**
 * Nobody is refused, ever. The kernel resets who arrives between the last look at the queue of a socket and its close:
 * usually a fraction of a millisecond, and nobody; where the machine stalls just then, whoever has no connection.
 * @param closed how many times the listeners of all workers were closed
 */
function assertUnharmed(t: TestContext, storm: ConnectStorm, closed: number): void {
  const { answered, refused, reset, unanswered } = storm;
  t.diagnostic(`${answered} answered, ${refused} refused, ${reset} reset, ${unanswered} closed without an answer`);
  assert.equal(refused, 0);
  assert.equal(unanswered, 0, storm.strangeAnswer);
  assert.ok(reset <= CLIENTS * WORKERS * closed, `${reset} reset`);
}

test('a second process takes over the ports of the first, and no client is refused', async (t) => {
  const first = await SluiceProcess.start({ config: config(), args: ['--workers', String(WORKERS)] });
  t.after(() => first.kill());
  const storm = new ConnectStorm(first.httpPort, CLIENTS);
  await storm.more(100);
  const ports = ['--http-port', String(first.httpPort), '--https-port', String(first.httpsPort)];
  const args = ['--workers', String(WORKERS), '--takeover', ...ports, '--admin-port', String(first.adminPort)];
  const second = await SluiceProcess.start({ config: config(), args });
  t.after(() => second.kill());
  assert.equal(second.httpPort, first.httpPort);
  assert.equal(second.adminPort, first.adminPort);
  await storm.more(100);
  first.signal('SIGTERM');
  assert.deepEqual(await first.exited(), { code: 0, signal: null });
  await storm.more(200);
  await storm.stop();
  assertUnharmed(t, storm, 1);
  assert.equal((await fetch(`http://127.0.0.1:${second.adminPort}/readyz`)).status, 200);
});

test('a listener that is opened anew on its port by a new configuration refuses no client', async (t) => {
  const port = await freePort();
  const listeners = (name: string): Readonly<Record<string, unknown>> => ({ listeners: [{ name, port }] });
  const sluice = await SluiceProcess.start({ config: config(listeners('one')), args: ['--workers', String(WORKERS)] });
  t.after(() => sluice.kill());
  const storm = new ConnectStorm(port, CLIENTS);
  const successors = ['two', 'three', 'four'];
  for (const name of successors) {
    await storm.more(100);
    await sluice.reload(config(listeners(name)));
  }
  await storm.more(100);
  await storm.stop();
  assertUnharmed(t, storm, successors.length);
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
