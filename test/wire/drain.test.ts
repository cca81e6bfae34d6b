/** The end of the program under load: what is under way comes to its proper end, and nobody is cut before the deadline. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { Http2Client } from '../support/http2-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n';

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(({ target }) => {
    if (target === '/slow') return null;
    return target === '/tunnel' ? SWITCH : ok('fine');
  });
});

after(() => upstream.close());

async function start(t: TestContext, ...args: readonly string[]): Promise<SluiceProcess> {
  const config = configTo(upstream.address);
  const sluice = await SluiceProcess.start({ config, args });
  t.after(() => sluice.kill());
  upstream.forget();
  return sluice;
}

interface LoadResult {
  answered: number;
  /** Ended by `Connection: close` on an answer, or by an orderly close between two requests. */
  closed: number;
  /** Anything else. */
  failures: string[];
}

/** Asks on one kept-alive connection, without a pause, until it is closed. */
async function ask(port: number, result: LoadResult): Promise<void> {
  const client = await RawClient.connect(port);
  for (;;) {
    client.write(GET);
    let announced: boolean;
    try {
      const response = await client.response();
      if (!response.startLine.startsWith('HTTP/1.1 200 ')) result.failures.push(response.startLine);
      announced = fieldOf(response, 'Connection') === 'close';
      result.answered++;
    } catch {
      const { text, ending } = await client.remainder();
      if (text !== '' || ending !== 'end') result.failures.push(`${ending} after ${JSON.stringify(text)}`);
      break;
    }
    if (announced) {
      assert.equal((await client.remainder()).ending, 'end');
      break;
    }
  }
  result.closed++;
  client.destroy();
}

for (const delay of ['0s', '500ms']) {
  test(`SIGTERM under load, with --shutdown-delay ${delay}: no request on a kept-alive connection fails`, async (t) => {
    const sluice = await start(t, '--workers', '2', '--shutdown-delay', delay);
    const result: LoadResult = { answered: 0, closed: 0, failures: [] };
    const loops = Array.from({ length: 24 }, () => ask(sluice.httpPort, result));
    await upstream.request(500);
    sluice.signal('SIGTERM');
    await Promise.all(loops);
    assert.deepEqual(result.failures, []);
    assert.equal(result.closed, 24);
    assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
    t.diagnostic(`${result.answered} answered`);
  });
}

test('until the shutdown delay is over connections are accepted, answers close them, and readiness is withdrawn', async (t) => {
  const sluice = await start(t, '--shutdown-delay', '1h');
  const earlier = await RawClient.connect(sluice.httpPort);
  earlier.write(GET);
  assert.equal(fieldOf(await earlier.response(), 'Connection'), null);
  sluice.signal('SIGTERM');
  await sluice.log('shutting down');
  assert.equal((await fetch(`http://127.0.0.1:${sluice.adminPort}/readyz`)).status, 503);
  assert.equal((await fetch(`http://127.0.0.1:${sluice.adminPort}/healthz`)).status, 200);
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  assert.equal(await client.status(), 200);
  client.destroy();
  const http2 = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  assert.equal(await (await http2.get('/')).status(), 200);
  assert.equal(await (await http2.get('/')).status(), 200);
  assert.equal(http2.goawayCode, -1);
  http2.destroy();
  const last = await RawClient.connect(sluice.httpPort);
  for (;;) {
    last.write(GET);
    if (fieldOf(await last.response(), 'Connection') === 'close') break;
  }
  assert.equal((await last.remainder()).ending, 'end');
  sluice.signal('SIGTERM');
  assert.deepEqual(await sluice.exited(), { code: 1, signal: null });
  earlier.destroy();
});

test('SIGINT does not wait for the shutdown delay', async (t) => {
  const sluice = await start(t, '--shutdown-delay', '1h');
  sluice.signal('SIGINT');
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});

test('a tunnel carries bytes both ways until the drain time is over', async (t) => {
  const sluice = await start(t, '--drain-timeout', '3s');
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /tunnel HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  assert.match((await client.response(true)).startLine, / 101 /);
  const { connection } = await upstream.request();
  sluice.signal('SIGTERM');
  await sluice.log('draining');
  client.write('ping');
  await upstream.until(() => (connection.received.includes('ping') ? true : undefined));
  connection.write('pong');
  assert.equal((await client.take(4)).toString(), 'pong');
  await client.remainder();
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});

test('an HTTP/2 client is told to go, and gets the answers it waits for', async (t) => {
  const sluice = await start(t);
  const client = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  const exchange = client.open({ ':path': '/slow', ':authority': 'a.example' }, true);
  const slow = await upstream.request();
  const goaway = new Promise<number>((resolve) => {
    client.session.once('goaway', (code: number) => resolve(code));
  });
  sluice.signal('SIGTERM');
  assert.equal(await goaway, 0);
  slow.connection.write(ok('late'));
  assert.equal((await exchange.response()).body, 'late');
  await client.untilClosed();
  assert.deepEqual(await sluice.exited(), { code: 0, signal: null });
});
