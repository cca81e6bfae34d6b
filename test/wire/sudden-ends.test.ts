/** Peers that reset at any moment: not one of them takes a worker down, leaves a request behind or harms another. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'), { headOnly: true });
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [{ upstream: 'a', retries: { attempts: 1 } }],
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

/** The program serves on, with nothing under way, and has nothing to complain about. */
async function assertUnharmed(): Promise<void> {
  upstream.script = ({ connection }) => {
    connection.socket.end(ok('still here', 'Connection: close'));
    return null;
  };
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'still here');
  await client.remainder();
  client.destroy();
  const dump = await (await fetch(`http://127.0.0.1:${sluice.adminPort}/debug/config`)).text();
  assert.deepEqual([...new Set(Array.from(dump.matchAll(/"inFlight": *(-?\d+)/g), ([, count]) => count))], ['0']);
  assert.deepEqual(
    sluice.logs.filter(({ level }) => level === 'error' || level === 'fatal' || level === 'warn'),
    [],
  );
  assert.equal(sluice.exit, null);
}

/** Some places in a text, its ends among them. */
function places(text: string): readonly number[] {
  return [
    ...new Set([0, 1, ...Array.from({ length: 12 }, (_, at) => Math.floor((at * text.length) / 12)), text.length]),
  ];
}

const REQUESTS: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'a request', text: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' },
  {
    name: 'a body with a length',
    text: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n01234567890123456789',
  },
  {
    name: 'chunks',
    text: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n',
  },
  { name: 'pipelined requests', text: 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n' },
  { name: 'an offer to switch', text: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nmore' },
  { name: 'what is no HTTP', text: '\x16\x03\x01\x02\0\x01\0\x01' },
];

for (const { name, text } of REQUESTS) {
  test(`a client that resets inside ${name} harms nobody`, async () => {
    upstream.script = () => null;
    for (const at of places(text)) {
      const client = await RawClient.connect(sluice.httpPort);
      await new Promise((resolve) => {
        client.socket.write(Buffer.from(text.slice(0, at), 'latin1'), resolve);
      });
      client.reset();
      await client.closed();
    }
    await assertUnharmed();
  });
}

const RESPONSES: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'a response with a length', text: 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789' },
  {
    name: 'a response in chunks',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  },
  { name: 'a response until close', text: 'HTTP/1.1 200 OK\r\n\r\n0123456789' },
  { name: 'interim responses', text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n' },
  { name: 'a tunnel', text: SWITCH },
];

for (const { name, text } of RESPONSES) {
  test(`a back end that resets inside ${name} harms nobody`, async () => {
    for (const at of places(text)) {
      upstream.script = ({ connection }) => {
        connection.socket.write(text.slice(0, at), () => connection.socket.resetAndDestroy());
        return null;
      };
      const client = await RawClient.connect(sluice.httpPort);
      client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: echo\r\n\r\n');
      assert.notEqual((await client.remainder()).ending, 'open');
      client.destroy();
    }
    await assertUnharmed();
  });
}

test('both sides of a tunnel that reset at the same time harm nobody', async () => {
  upstream.script = () => SWITCH;
  for (let round = 0; round < 10; round++) {
    upstream.forget();
    const client = await RawClient.connect(sluice.httpPort);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    assert.equal(await client.status(), 101);
    const { connection } = await upstream.request();
    client.reset();
    connection.socket.resetAndDestroy();
    await client.closed();
  }
  await assertUnharmed();
});
