/** Clients that go away, sides that are slow, and requests that are too large. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const LARGE_BYTES = 96 * 1_048_576;
/** Far more than queues and code may need, far less than the body. */
const MOST_GROWTH_BYTES = 48 * 1_048_576;

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => null, { headOnly: true });
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [
        { path: { prefix: '/' }, upstream: 'a' },
        { path: { prefix: '/limited' }, upstream: 'a', maxBodySize: 1_000 },
      ],
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = () => null;
});

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

/** How many requests of this test's routes are under way, according to the program itself. */
async function inFlight(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${sluice.adminPort}/debug/config`);
  const dump = JSON.stringify(await response.json());
  return Array.from(dump.matchAll(/"inFlight":(-?\d+)/g), (match) => Number(match[1])).reduce((sum, n) => sum + n, 0);
}

for (const [name, leave] of [
  ['resets', (client: RawClient) => client.reset()],
  ['closes', (client: RawClient) => client.destroy()],
  ['stops sending', (client: RawClient) => client.socket.end()],
] as const) {
  test(`when the client ${name} before the answer, the back end's connection is closed`, async () => {
    const client = await RawClient.connect(sluice.httpPort);
    client.write(GET);
    const { connection } = await upstream.request();
    leave(client);
    await upstream.untilClosed(connection);
    client.destroy();
    assert.equal(await inFlight(), 0);
  });
}

test('when the client goes in the middle of a response, the back end stops', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  const { connection } = await upstream.request();
  connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun');
  await client.bytes((got) => got.includes('begun'));
  client.reset();
  await upstream.untilClosed(connection);
  assert.equal(await inFlight(), 0);
});

test('when the client goes while its body is held back, the back end hears of it', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\nbegun');
  const { connection } = await upstream.request();
  client.destroy();
  await upstream.untilClosed(connection);
  assert.equal(await inFlight(), 0);
});

test('a client that reads slowly slows the back end down, not the memory up', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  const { connection } = await upstream.request();
  const atFirst = sluice.residentBytes();
  client.socket.pause();
  connection.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
  const piece = Buffer.alloc(1_048_576, 'x');
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) connection.write(piece);
  await exchangesOfOthers();
  assert.ok(connection.socket.writableLength > LARGE_BYTES / 2, 'the back end could get rid of too much');
  assert.ok(sluice.residentBytes() - atFirst < MOST_GROWTH_BYTES);
  client.socket.resume();
  await client.received(LARGE_BYTES);
  assert.equal((await client.response()).body.length, LARGE_BYTES);
  client.destroy();
});

test('a back end that reads slowly slows the client down, not the memory up', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  const atFirst = sluice.residentBytes();
  client.write(`POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
  const { connection, head } = await upstream.request();
  connection.socket.pause();
  const piece = Buffer.alloc(1_048_576, 'x');
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) client.write(piece);
  await exchangesOfOthers();
  assert.ok(client.socket.writableLength > LARGE_BYTES / 2, 'the client could get rid of too much');
  assert.ok(sluice.residentBytes() - atFirst < MOST_GROWTH_BYTES);
  connection.socket.resume();
  await upstream.until(() => (connection.receivedBytes === head.length + LARGE_BYTES ? true : undefined));
  connection.write(ok('all of it', 'Connection: close'));
  assert.equal((await client.response()).body.toString(), 'all of it');
  client.destroy();
});

/** Enough round trips through the same thread for anything that keeps flowing to have flowed. */
async function exchangesOfOthers(): Promise<void> {
  const restore = upstream.script;
  upstream.script = ({ target, connection }) => {
    if (target === '/other') connection.socket.end(ok('other', 'Connection: close'));
    return null;
  };
  for (let i = 0; i < 300; i++) {
    const other = await RawClient.connect(sluice.httpPort);
    other.write('GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await other.response();
    other.destroy();
  }
  upstream.script = restore;
}

test('an announced body above the limit is 413 before a byte of it is read', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('POST /limited HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1001\r\n\r\n');
  assert.equal(await client.status(), 413);
  client.destroy();
  assert.equal(upstream.requests.length, 0);
});

test('a refusal is not lost to a reset although the client has sent its whole body', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  const body = 'x'.repeat(700_000);
  client.write(`POST /limited HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const { text, ending } = await client.remainder();
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.equal(ending, 'end');
  client.destroy();
});

test('who goes on sending behind the last answer is cut', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('BAD\r\n\r\n');
  assert.equal(await client.status(), 400);
  const piece = Buffer.alloc(65_536);
  const sendOn = (error?: Error | null): void => {
    if (error === undefined || error === null) client.socket.write(piece, sendOn);
  };
  sendOn();
  await client.closed();
});

test('a chunked body is 413 when it outgrows the limit, and the back end never gets its end', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('POST /limited HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n');
  const { connection } = await upstream.request();
  for (let i = 0; i < 11; i++) client.write(`64\r\n${'x'.repeat(100)}\r\n`);
  const response = await client.response();
  assert.match(response.startLine, / 413 /);
  assert.equal(fieldOf(response, 'Connection'), 'close');
  await upstream.untilClosed(connection);
  assert.equal(connection.received.toString().endsWith('0\r\n\r\n'), false);
  client.destroy();
});

test('an early answer reaches a client that is still uploading, and the rest is not forwarded', async () => {
  upstream.script = () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno';
  const client = await RawClient.connect(sluice.httpPort);
  client.write('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10000000\r\n\r\nbegun');
  const response = await client.response();
  assert.match(response.startLine, / 403 /);
  assert.equal(fieldOf(response, 'Connection'), 'close');
  await upstream.untilClosed((await upstream.request()).connection);
  client.destroy();
});

test('after an early answer a small rest of the body is thrown away and the connection goes on', async () => {
  upstream.script = ({ target }) => ok(target, 'Connection: close');
  const client = await RawClient.connect(sluice.httpPort);
  client.write('POST /1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 40000\r\n\r\n');
  assert.equal((await client.response()).body.toString(), '/1');
  client.write(`${'GET /x HTTP/1.1\r\n\r\n'.repeat(2_200).slice(0, 40_000)}GET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  assert.equal((await client.response()).body.toString(), '/2');
  assert.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/1', '/2'],
  );
  client.destroy();
});

const TOO_LARGE: readonly { readonly name: string; readonly bytes: string; readonly status: number }[] = [
  { name: 'a target of 16385 bytes', bytes: `GET /${'x'.repeat(16_384)} HTTP/1.1\r\nHost: a\r\n\r\n`, status: 414 },
  { name: 'a target without end', bytes: `GET /${'x'.repeat(40_000)}`, status: 414 },
  {
    name: 'a head of more than 32 KiB',
    bytes: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(33_000)}\r\n\r\n`,
    status: 431,
  },
  { name: 'a field without end', bytes: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}`, status: 431 },
  { name: '101 fields', bytes: `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(100)}\r\n`, status: 431 },
];

for (const { name, bytes, status } of TOO_LARGE) {
  test(`${name} is answered ${status} and the connection closed`, async () => {
    const client = await RawClient.connect(sluice.httpPort);
    client.write(bytes);
    const { text, ending } = await client.remainder();
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(ending, 'end');
    assert.equal(upstream.requests.length, 0);
  });
}

test('the largest allowed target and one hundred fields pass', async () => {
  upstream.script = ({ target }) => ok(String(target.length), 'Connection: close');
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`GET /${'x'.repeat(16_383)} HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(99)}\r\n`);
  assert.equal((await client.response()).body.toString(), '16384');
  client.destroy();
});
