/** What a back end can make other clients believe: no byte of a response ever reaches anybody but the client it was for. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;
let answer: string;

before(async () => {
  upstream = await ScriptedUpstream.start(({ target }) => (target === '/next' ? ok('clean') : answer));
  sluice = await SluiceProcess.start({
    config: configTo(upstream.address),
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => upstream.forget());

/** The raw text the first client gets for `answer`, and what the next client gets for a clean one. */
async function exchange(method: string, text: string): Promise<{ readonly first: string; readonly next: string }> {
  answer = text;
  const first = await RawClient.connect(sluice.httpPort);
  first.write(`${method} /first HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`);
  const got = await first.remainder();
  const { connection } = await upstream.request();
  const next = await RawClient.connect(sluice.httpPort);
  next.write('GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const response = await next.response();
  first.destroy();
  next.destroy();
  await upstream.untilClosed(connection);
  return { first: got.text, next: response.body.toString() };
}

interface LeftOver {
  readonly name: string;
  readonly method?: string;
  readonly answer: string;
  readonly body: string;
}

const LEFT_OVER: readonly LeftOver[] = [
  { name: 'a second response behind Content-Length', answer: `${ok('mine')}${POISON}`, body: 'mine' },
  { name: 'bytes behind Content-Length', answer: `${ok('mine')}xyz`, body: 'mine' },
  { name: 'an empty line behind Content-Length', answer: `${ok('mine')}\r\n`, body: 'mine' },
  {
    name: 'a second response behind the last chunk',
    answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n0\r\n\r\n${POISON}`,
    body: '4\r\nmine\r\n0\r\n\r\n',
  },
  { name: 'a body behind 204', answer: `HTTP/1.1 204 No Content\r\n\r\n${POISON}`, body: '' },
  { name: 'a body behind 304', answer: `HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n${POISON}`, body: '' },
  {
    name: 'a body behind the answer to HEAD',
    method: 'HEAD',
    answer: `HTTP/1.1 200 OK\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
    body: '',
  },
];

for (const { name, method = 'GET', answer: text, body } of LEFT_OVER) {
  test(`${name} is thrown away with its connection`, async () => {
    const { first, next } = await exchange(method, text);
    assert.equal(first.slice(first.indexOf('\r\n\r\n') + 4), body);
    assert.equal(next, 'clean');
    assert.notEqual((await upstream.request(1)).connection, (await upstream.request(2)).connection);
  });
}

test('an announced body of a 204 condemns the connection, also when the body comes later', async () => {
  answer = 'HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n';
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const response = await client.response();
  assert.equal(fieldOf(response, 'Content-Length'), null);
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  client.destroy();
});

const LATE: readonly { readonly name: string; readonly bytes: string }[] = [
  { name: 'a second response', bytes: POISON },
  { name: 'a 408', bytes: 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' },
  { name: 'a stray 100', bytes: 'HTTP/1.1 100 Continue\r\n\r\n' },
  { name: 'an empty line', bytes: '\r\n' },
  { name: 'one byte', bytes: 'H' },
];

for (const { name, bytes } of LATE) {
  test(`${name} on an idle connection condemns it`, async () => {
    answer = ok('mine');
    const client = await RawClient.connect(sluice.httpPort);
    client.write('GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n');
    assert.equal((await client.response()).body.toString(), 'mine');
    const { connection } = await upstream.request();
    connection.write(bytes);
    await upstream.untilClosed(connection);
    client.write('GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n');
    assert.equal((await client.response()).body.toString(), 'clean');
    client.destroy();
  });
}

const INVALID: readonly { readonly name: string; readonly answer: string }[] = [
  { name: 'two different Content-Length fields', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5' },
  { name: 'a signed Content-Length', answer: 'HTTP/1.1 200 OK\r\nContent-Length: +4' },
  { name: 'a list in Content-Length', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 4, 4' },
  { name: 'an unknown transfer coding', answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked' },
  {
    name: 'two Transfer-Encoding fields',
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  },
  { name: 'a folded field', answer: 'HTTP/1.1 200 OK\r\nX: y\r\n z' },
  { name: 'a space before the colon', answer: 'HTTP/1.1 200 OK\r\nContent-Length : 4' },
  { name: 'a bare LF', answer: 'HTTP/1.1 200 OK\r\nX: y\nSet-Cookie: a=b' },
  { name: 'a bare CR', answer: 'HTTP/1.1 200 OK\r\nX: y\rSet-Cookie: a=b' },
  { name: 'a NUL in a value', answer: 'HTTP/1.1 200 OK\r\nX: \0' },
  { name: 'a line without colon', answer: 'HTTP/1.1 200 OK\r\nX' },
  { name: 'CR and another byte where the head could end', answer: 'HTTP/1.1 200 OK\r\n\rX: y' },
  { name: 'a bare LF where the head could end', answer: 'HTTP/1.1 200 OK\r\nX: y\r\n\nHTTP/1.1 200 OK' },
  { name: 'a control in a value', answer: 'HTTP/1.1 200 OK\r\nX: \x0b' },
  { name: 'a byte 0x80 in a name', answer: 'HTTP/1.1 200 OK\r\nX\x80: y' },
  { name: 'text', answer: 'hello world' },
  { name: 'another protocol', answer: 'ICY 200 OK' },
  { name: 'HTTP/2.0', answer: 'HTTP/2.0 200 OK' },
  { name: 'a status of two digits', answer: 'HTTP/1.1 20 OK' },
  { name: 'a status of four digits', answer: 'HTTP/1.1 2000 OK' },
  { name: 'status 600', answer: 'HTTP/1.1 600 OK' },
  { name: 'two spaces before the status', answer: 'HTTP/1.1  200 OK' },
  { name: 'a head of more than 32 KiB', answer: `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(33_000)}` },
  { name: 'a 101 nobody asked for', answer: 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket' },
];

for (const { name, answer: head } of INVALID) {
  test(`${name} in a response is answered 502, and none of it is passed on`, async () => {
    const { first, next } = await exchange('GET', `${head}\r\n\r\n${POISON}`);
    assert.match(first, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
    assert.equal(first.includes('poison'), false);
    assert.equal(next, 'clean');
  });
}

test('a response head without end is given up at 32 KiB and answered 502', async () => {
  answer = `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(40_000)}`;
  const client = await RawClient.connect(sluice.httpPort);
  client.write('POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n');
  assert.equal(await client.status(), 502);
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  client.destroy();
});

test('an interim response that announces a body is answered 502', async () => {
  const { first, next } = await exchange('GET', `HTTP/1.1 103 Early Hints\r\nContent-Length: 6\r\n\r\n${POISON}`);
  assert.match(first, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  assert.equal(first.includes('poison'), false);
  assert.equal(next, 'clean');
});

test('Transfer-Encoding beside Content-Length: the chunks decide, one framing goes on, the connection does not', async () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { first, next } = await exchange('GET', `${head}4\r\nmine\r\n0\r\n\r\n`);
  assert.match(first, /Transfer-Encoding: chunked\r\n/);
  assert.doesNotMatch(first, /Content-Length/);
  assert.match(first, /\r\n\r\n4\r\nmine\r\n0\r\n\r\n$/);
  assert.equal(next, 'clean');
  assert.notEqual((await upstream.request(1)).connection, (await upstream.request(2)).connection);
});

const BROKEN_BODIES: readonly { readonly name: string; readonly answer: string }[] = [
  { name: 'a broken chunk size', answer: '4\r\nmine\r\nxyz\r\n' },
  { name: 'a chunk longer than its size', answer: '4\r\nminemine\r\n0\r\n\r\n' },
  { name: 'a broken trailer', answer: '4\r\nmine\r\n0\r\nbroken\r\n\r\n' },
];

for (const { name, answer: body } of BROKEN_BODIES) {
  test(`${name} in a response cuts it: the client never sees an end`, async () => {
    answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    const client = await RawClient.connect(sluice.httpPort);
    client.write('GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n');
    const { text, ending } = await client.remainder();
    assert.equal(ending, 'reset');
    assert.doesNotMatch(text, /\r\n0\r\n\r\n/);
  });
}

const TRUNCATED: readonly { readonly name: string; readonly answer: string }[] = [
  { name: 'Content-Length', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nmine' },
  { name: 'chunks', answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n' },
];

for (const { name, answer: text } of TRUNCATED) {
  test(`a body with ${name} that the back end cuts short is cut towards the client, never ended`, async () => {
    const restore = upstream.script;
    upstream.script = ({ connection }) => {
      connection.socket.end(text);
      return null;
    };
    const client = await RawClient.connect(sluice.httpPort);
    client.write('GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n');
    const got = await client.remainder();
    upstream.script = restore;
    assert.equal(got.ending, 'reset');
    assert.doesNotMatch(got.text, /\r\n0\r\n\r\n/);
  });
}

test('a body until close that ends with a reset does not look complete', async () => {
  const restore = upstream.script;
  upstream.script = ({ connection }) => {
    connection.write('HTTP/1.1 200 OK\r\n\r\nmine');
    return null;
  };
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await client.bytes((received) => received.includes('mine'));
  const { connection } = await upstream.request();
  connection.socket.resetAndDestroy();
  const got = await client.remainder();
  upstream.script = restore;
  assert.equal(got.ending, 'reset');
  assert.doesNotMatch(got.text, /0\r\n\r\n/);
});
