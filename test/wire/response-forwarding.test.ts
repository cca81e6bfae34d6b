/** What of a response reaches the client: framing for every kind of client, interim responses, Expect. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, type RawMessage, statusOf } from '../support/raw-message.ts';
import { ok, reply, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'), { headOnly: true });
  sluice = await SluiceProcess.start({
    config: configTo(upstream.address),
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => upstream.forget());

/** Each connection of this back end serves one request: it says `text` and closes. */
function answerOnce(text: string | Buffer): void {
  upstream.script = ({ connection }) => {
    connection.socket.end(Buffer.from(text as string, 'latin1'));
    return null;
  };
}

async function ask(
  text: string,
  toHead = false,
): Promise<{ readonly client: RawClient; readonly response: RawMessage }> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(text);
  return { client, response: await client.response(toHead) };
}

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const GET_10 = 'GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n';

test('fields of the connection are not passed on, others byte for byte', async () => {
  answerOnce(
    reply(
      200,
      'x',
      'Connection: X-Private, close',
      'X-Private: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: close',
      'TE: x',
      'Trailer: y',
      'Upgrade: h2c',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
      'X-Latin: \xe9',
      'x_under: kept',
    ),
  );
  const { client, response } = await ask(GET);
  const names = response.fields.map(([name]) => name.toLowerCase());
  for (const gone of ['connection', 'x-private', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']) {
    assert.equal(names.includes(gone), false, gone);
  }
  assert.deepEqual(
    response.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value),
    ['a=1', 'b=2'],
  );
  assert.equal(fieldOf(response, 'X-Latin'), '\xe9');
  assert.equal(fieldOf(response, 'x_under'), 'kept');
  client.destroy();
});

test('Date and Server are added where the back end sent none, and left alone where it did', async () => {
  answerOnce(reply(200, 'x'));
  const bare = await ask(GET);
  assert.equal(fieldOf(bare.response, 'Server'), 'sluice');
  assert.ok(Math.abs(Date.parse(String(fieldOf(bare.response, 'Date'))) - Date.now()) < 60_000);
  answerOnce(reply(200, 'x', 'Server: theirs', 'Date: Thu, 01 Jan 2026 00:00:00 GMT'));
  const own = await ask(GET);
  assert.equal(fieldOf(own.response, 'Server'), 'theirs');
  assert.equal(fieldOf(own.response, 'Date'), 'Thu, 01 Jan 2026 00:00:00 GMT');
  bare.client.destroy();
  own.client.destroy();
});

test('the reason phrase is passed on, also an empty one', async () => {
  answerOnce('HTTP/1.1 299 Very fine \xe9\r\nContent-Length: 0\r\n\r\n');
  const long = await ask(GET);
  assert.equal(long.response.startLine, 'HTTP/1.1 299 Very fine \xe9');
  answerOnce('HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n');
  const none = await ask(GET);
  assert.equal(none.response.startLine, 'HTTP/1.1 404 ');
  long.client.destroy();
  none.client.destroy();
});

interface BodilessCase {
  readonly name: string;
  readonly method: string;
  readonly answer: string;
  readonly contentLength: string | null;
}

const BODILESS: readonly BodilessCase[] = [
  {
    name: 'HEAD keeps Content-Length',
    method: 'HEAD',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
    contentLength: '99',
  },
  { name: 'HEAD without length', method: 'HEAD', answer: 'HTTP/1.1 200 OK\r\n\r\n', contentLength: null },
  {
    name: 'HEAD with chunks',
    method: 'HEAD',
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    contentLength: null,
  },
  { name: '204', method: 'GET', answer: 'HTTP/1.1 204 No Content\r\n\r\n', contentLength: null },
  {
    name: '204 with Content-Length',
    method: 'GET',
    answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    contentLength: null,
  },
  {
    name: '304 keeps Content-Length',
    method: 'GET',
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
    contentLength: '99',
  },
];

for (const { name, method, answer, contentLength } of BODILESS) {
  test(`a response without body (${name}) ends with its head, and the connection goes on`, async () => {
    answerOnce(answer);
    const request = `${method} / HTTP/1.1\r\nHost: a.example\r\n\r\n`;
    const { client, response } = await ask(request, true);
    assert.equal(fieldOf(response, 'Content-Length'), contentLength);
    assert.equal(fieldOf(response, 'Transfer-Encoding'), null);
    client.write(request);
    assert.equal((await client.response(true)).startLine, response.startLine);
    client.destroy();
  });
}

const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nfour\r\n00a\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';

test('chunks are passed on in our own spelling, without extensions and trailers', async () => {
  answerOnce(CHUNKED);
  const { client, response } = await ask(GET);
  assert.equal(response.framing, 'chunked');
  assert.equal(response.body.toString(), 'four0123456789');
  assert.equal(fieldOf(response, 'Content-Length'), null);
  client.destroy();
});

test('one-byte chunks are passed on in far fewer', async () => {
  answerOnce(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`);
  const { client, response } = await ask(GET);
  assert.equal(response.body.toString(), 'x'.repeat(10_000));
  assert.ok(client.receivedBytes < 20_000, `${client.receivedBytes} bytes for 10000`);
  client.destroy();
});

test('an HTTP/1.0 client gets a chunked body without chunks, ended by the connection', async () => {
  answerOnce(CHUNKED);
  const { client, response } = await ask(GET_10);
  assert.equal(response.framing, 'close');
  assert.equal(response.body.toString(), 'four0123456789');
  assert.equal(fieldOf(response, 'Connection'), 'close');
  client.destroy();
});

test('a body until close is passed on in chunks, and the client connection goes on', async () => {
  answerOnce('HTTP/1.1 200 OK\r\n\r\nuntil the end');
  const { client, response } = await ask(GET);
  assert.equal(response.framing, 'chunked');
  assert.equal(response.body.toString(), 'until the end');
  client.write(GET);
  assert.equal((await client.response()).body.toString(), 'until the end');
  client.destroy();
});

test('an empty body until close is complete, too', async () => {
  answerOnce('HTTP/1.1 200 OK\r\n\r\n');
  const { client, response } = await ask(GET);
  assert.equal(response.framing, 'chunked');
  assert.equal(response.body.length, 0);
  client.destroy();
});

test('an HTTP/1.0 client gets a body until close until close', async () => {
  answerOnce('HTTP/1.0 200 OK\r\n\r\nuntil the end');
  const { client, response } = await ask(GET_10);
  assert.equal(response.framing, 'close');
  assert.equal(response.body.toString(), 'until the end');
  client.destroy();
});

test('large bodies pass unchanged in every framing, whatever their bytes', async () => {
  const body = Buffer.alloc(2_000_000);
  for (let i = 0; i < body.length; i++) body[i] = (i * 11) % 256;
  const text = body.toString('latin1');
  const answers = [
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${text}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n\r\n${text}`,
  ];
  for (const answer of answers) {
    answerOnce(answer);
    const { client, response } = await ask(GET);
    assert.ok(response.body.equals(body));
    client.destroy();
  }
});

test('a response that comes byte by byte is put together', async () => {
  const text = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${CHUNKED}`;
  upstream.script = ({ connection }) => {
    const writeFrom = (at: number): void => {
      if (at === text.length) connection.socket.end();
      else connection.socket.write(text.charAt(at), 'latin1', () => writeFrom(at + 1));
    };
    writeFrom(0);
    return null;
  };
  const { client, response } = await ask(GET);
  assert.equal(statusOf(response), 103);
  assert.equal((await client.response()).body.toString(), 'four0123456789');
  client.destroy();
});

test('103 is relayed with its fields, 100 nobody asked for is swallowed', async () => {
  answerOnce(
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 0\r\n\r\n' +
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const { client, response } = await ask(GET);
  assert.equal(statusOf(response), 103);
  assert.equal(fieldOf(response, 'Link'), '</a>; rel=preload');
  assert.equal(fieldOf(response, 'Content-Length'), null);
  const final = await client.response();
  assert.equal(statusOf(final), 200);
  assert.equal(fieldOf(final, 'Link'), null);
  client.destroy();
});

test('an HTTP/1.0 client never gets an interim response', async () => {
  answerOnce('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const { client, response } = await ask(GET_10);
  assert.equal(statusOf(response), 200);
  client.destroy();
});

test('thirty-two interim responses are read, one more is 502', async () => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
  answerOnce(`${interim.repeat(32)}${ok('x')}`);
  const enough = await ask(GET);
  assert.equal(statusOf(enough.response), 200);
  answerOnce(`${interim.repeat(33)}${ok('x')}`);
  const tooMany = await ask(GET);
  assert.equal(statusOf(tooMany.response), 502);
  enough.client.destroy();
  tooMany.client.destroy();
});

const EXPECTING = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n';

test("Expect: 100-continue is forwarded once, and the back end's 100 relayed before the body comes", async () => {
  upstream.script = () => 'HTTP/1.1 100 Continue\r\n\r\n';
  const { client, response } = await ask(EXPECTING);
  assert.equal(statusOf(response), 100);
  const request = await upstream.request();
  assert.equal(request.field('Expect'), '100-continue');
  client.write('body');
  await upstream.until(() => (request.connection.received.toString().endsWith('\r\n\r\nbody') ? true : undefined));
  request.connection.socket.end(ok('thanks', 'Connection: close'));
  assert.equal((await client.response()).body.toString(), 'thanks');
  client.destroy();
});

test('a final answer instead of 100 reaches the client, and the back end never gets the body', async () => {
  upstream.script = () => 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n';
  const { client, response } = await ask(EXPECTING);
  assert.equal(statusOf(response), 417);
  const { connection } = await upstream.request();
  await upstream.untilClosed(connection);
  client.write('body');
  assert.ok(connection.received.toString().endsWith('\r\n\r\n'));
  client.destroy();
});

test('the body that comes behind a final answer to an expectation is no request', async () => {
  const body = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';
  upstream.script = ({ target }) =>
    target === '/next'
      ? ok('next', 'Connection: close')
      : 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n';
  const { client, response } = await ask(EXPECTING.replace('Length: 4', `Length: ${body.length}`));
  assert.equal(statusOf(response), 417);
  client.write(`${body}GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  assert.equal((await client.response()).body.toString(), 'next');
  assert.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/', '/next'],
  );
  client.destroy();
});

test('Expect without a body, in HTTP/1.0, or of another kind is not forwarded', async () => {
  const requests = [
    'GET / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n',
    'POST / HTTP/1.0\r\nHost: a.example\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody',
    'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nExpect: y 100-continue\r\n\r\nbody',
    'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nExpect: 100-continue\r\nExpect: y\r\n\r\nbody',
    'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nExpect:\r\n\r\nbody',
  ];
  for (const text of requests) {
    upstream.forget();
    answerOnce(ok('fine'));
    const { client, response } = await ask(text);
    assert.equal(statusOf(response), 200);
    assert.equal((await upstream.request()).field('Expect'), null);
    client.destroy();
  }
});
