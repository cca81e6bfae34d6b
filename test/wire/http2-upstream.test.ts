/** Back ends that speak HTTP/2, for clients of both protocols: requests, responses, trailers, shared connections, back-pressure. */
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { Http2Client } from '../support/http2-client.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, type RawMessage } from '../support/raw-message.ts';

const MIB = 1_048_576;

let upstream: Http2Upstream;
let proxy: InProcessProxy;

before(async () => {
  upstream = await Http2Upstream.start((request) => request.answer('fine'));
  proxy = new InProcessProxy({});
  await proxy.apply({
    upstreams: [{ ...upstreamConfig('a', upstream.address), protocol: 'http2' }],
    routes: [routeConfig('r', 'a')],
  });
});

after(async () => {
  await proxy.close();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = (request) => request.answer('fine');
});

async function connectRaw(t: TestContext): Promise<RawClient> {
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  return client;
}

async function connect(t: TestContext): Promise<Http2Client> {
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  return client;
}

async function send(client: RawClient, ...lines: readonly string[]): Promise<RawMessage> {
  client.write(`${lines.join('\r\n')}\r\n\r\n`);
  return client.response(lines[0]?.startsWith('HEAD') === true);
}

test('a request of HTTP/1.1 gets pseudo-fields, lower-case names, and nothing of its connection', async (t) => {
  const client = await connectRaw(t);
  const fields = ['Host: A.Example:81', 'Connection: keep-alive', 'Keep-Alive: x', 'X-Mixed: Case', 'TE: trailers'];
  const response = await send(client, 'GET /path?query HTTP/1.1', ...fields, 'Cookie: a=b; c=d');
  assert.equal(response.body.toString(), 'fine');
  const request = await upstream.request();
  assert.deepEqual(
    request.fields.slice(0, 8),
    ':method GET :scheme http :authority A.Example:81 :path /path?query'.split(' '),
  );
  assert.equal(request.field('x-mixed'), 'Case');
  assert.equal(request.field('cookie'), 'a=b; c=d');
  assert.equal(request.field('x-forwarded-for'), '127.0.0.1');
  assert.equal(request.field('x-forwarded-host'), 'A.Example:81');
  assert.notEqual(request.field('x-request-id'), undefined);
  for (const name of ['host', 'connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade']) {
    assert.ok(!request.names.includes(name), name);
  }
});

test('an offer to switch protocols is not made to HTTP/2', async (t) => {
  const client = await connectRaw(t);
  const upgrade = ['Connection: upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'];
  await send(client, 'GET /socket HTTP/1.1', 'Host: a', ...upgrade);
  const request = await upstream.request();
  assert.ok(!request.names.includes('upgrade') && !request.names.includes('connection'));
});

for (const [name, bytes] of [
  ['a small', 10],
  ['a large', 3 * MIB],
] as const) {
  test(`${name} body of known length arrives whole, from HTTP/1.1 as from HTTP/2`, async (t) => {
    const body = Buffer.alloc(bytes, 'abcdefghijk');
    const client = await connectRaw(t);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`);
    client.write(body);
    assert.equal(await client.status(), 200);
    const first = await upstream.request();
    assert.ok(first.body.equals(body));
    assert.equal(first.field('content-length'), String(bytes));
    await (await connect(t)).post('/', body, { 'content-length': String(bytes) });
    const second = await upstream.request(2);
    assert.ok(second.body.equals(body));
    assert.equal(second.field('content-length'), String(bytes));
  });
}

test('a chunked body arrives without its chunks', async (t) => {
  const client = await connectRaw(t);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n3\r\nend\r\n0\r\n\r\n');
  assert.equal(await client.status(), 200);
  const request = await upstream.request();
  assert.equal(request.body.toString(), 'someend');
  assert.equal(request.field('content-length'), undefined);
});

test('the fields of a response come through, repeated ones each on a line of its own', async (t) => {
  upstream.script = (request) => request.answer('x', { 'set-cookie': ['a=1', 'b=2'], 'x-a': 'ä', 'content-length': 1 });
  const response = await send(await connectRaw(t), 'GET / HTTP/1.1', 'Host: a');
  assert.deepEqual(
    response.fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value),
    ['a=1', 'b=2'],
  );
  assert.equal(fieldOf(response, 'content-length'), '1');
  assert.equal(fieldOf(response, 'transfer-encoding'), null);
  const exchange = await (await connect(t)).get('/');
  assert.deepEqual(exchange.fieldsNamed('set-cookie'), ['a=1', 'b=2']);
  assert.equal(exchange.body, 'x');
});

test('a response without length is chunked for HTTP/1.1, and the connection goes on', async (t) => {
  const client = await connectRaw(t);
  const response = await send(client, 'GET / HTTP/1.1', 'Host: a');
  assert.equal(fieldOf(response, 'transfer-encoding'), 'chunked');
  assert.equal(response.body.toString(), 'fine');
  assert.equal((await send(client, 'GET / HTTP/1.1', 'Host: a')).body.toString(), 'fine');
});

test('a response that ends with its head has length 0 for HTTP/1.1, and the connection goes on', async (t) => {
  upstream.script = ({ stream }) => stream.respond({ ':status': 200 }, { endStream: true });
  const client = await connectRaw(t);
  const response = await send(client, 'GET / HTTP/1.1', 'Host: a');
  assert.equal(fieldOf(response, 'content-length'), '0');
  assert.equal((await send(client, 'GET / HTTP/1.1', 'Host: a')).startLine.slice(0, 12), 'HTTP/1.1 200');
});

for (const [name, status, fields] of [
  ['204', 204, {}],
  ['304', 304, { 'content-length': '10' }],
] as const) {
  test(`${name} has no body and no length that is not meant`, async (t) => {
    upstream.script = ({ stream }) => stream.respond({ ':status': status, ...fields }, { endStream: true });
    const client = await connectRaw(t);
    const response = await send(client, 'GET / HTTP/1.1', 'Host: a');
    assert.equal(fieldOf(response, 'content-length'), status === 304 ? '10' : null);
    assert.equal(fieldOf(response, 'transfer-encoding'), null);
    assert.equal((await send(client, 'GET / HTTP/1.1', 'Host: a')).startLine.slice(9, 12), name);
  });
}

test('the answer to HEAD keeps its length and has no body', async (t) => {
  upstream.script = ({ stream }) => stream.respond({ ':status': 200, 'content-length': 5 }, { endStream: true });
  const client = await connectRaw(t);
  const response = await send(client, 'HEAD / HTTP/1.1', 'Host: a');
  assert.equal(fieldOf(response, 'content-length'), '5');
  assert.equal((await send(client, 'HEAD / HTTP/1.1', 'Host: a')).startLine.slice(9, 12), '200');
});

test('interim responses come through', async (t) => {
  upstream.script = (request) => {
    request.stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
    request.answer('fine');
  };
  const client = await connectRaw(t);
  const interim = await send(client, 'GET / HTTP/1.1', 'Host: a');
  assert.match(interim.startLine, /^HTTP\/1\.1 103 /);
  assert.equal(fieldOf(interim, 'link'), '</style.css>; rel=preload');
  assert.equal((await client.response()).body.toString(), 'fine');
  const exchange = await (await connect(t)).get('/');
  assert.equal(exchange.interim[0]?.[':status'], 103);
});

function withTrailers(trailers: Readonly<Record<string, string>>): void {
  upstream.script = ({ stream }) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end('fine');
  };
}

test('trailers of a response reach a client of HTTP/2, without what has no place there', async (t) => {
  withTrailers({ 'grpc-status': '0', 'x-checksum': 'abc', 'content-type': 'text/evil', 'set-cookie': 'a=b' });
  const client = await connect(t);
  const exchange = client.open({ ':path': '/', ':authority': 'a.example', te: 'trailers' }, true);
  const trailers = new Promise<Record<string, unknown>>((resolve) => exchange.stream.once('trailers', resolve));
  await exchange.response();
  assert.equal(exchange.body, 'fine');
  assert.deepEqual(Object.entries(await trailers), [
    ['grpc-status', '0'],
    ['x-checksum', 'abc'],
  ]);
  assert.equal((await upstream.request()).field('te'), 'trailers');
});

test('trailers of a response are dropped for a client of HTTP/1.1', async (t) => {
  withTrailers({ 'x-checksum': 'abc' });
  const client = await connectRaw(t);
  const response = await send(client, 'GET / HTTP/1.1', 'Host: a', 'TE: trailers', 'Connection: te');
  assert.equal(response.body.toString(), 'fine');
  assert.equal((await upstream.request()).field('te'), undefined);
  assert.equal((await send(client, 'GET / HTTP/1.1', 'Host: a')).body.toString(), 'fine');
});

test('trailers of a request reach the back end, without what has no place there', async (t) => {
  const client = await connect(t);
  const stream = client.session.request(
    { ':path': '/up', ':authority': 'a.example', ':method': 'POST' },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1', authorization: 'x', 'x-forwarded-for': '9' }));
  stream.end('body');
  const request = await upstream.until(() =>
    upstream.requests.find((each) => each.field(':path') === '/up' && each.ended),
  );
  assert.equal(request.body.toString(), 'body');
  assert.deepEqual(request.trailers, ['x-sum', '1']);
  assert.ok(!request.names.includes('te'));
  stream.close();
});

test('requests of several clients share a connection', async (t) => {
  const clients = [await connectRaw(t), await connectRaw(t), await connectRaw(t)];
  upstream.script = () => {};
  for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await upstream.request(3);
  for (const request of upstream.requests) request.answer('fine');
  for (const client of clients) assert.equal(await client.status(), 200);
  assert.equal(new Set(upstream.requests.map(({ session }) => session)).size, 1);
});

test('more requests at once than one connection is given take another', async (t) => {
  const client = await connect(t);
  const second = await connect(t);
  upstream.script = () => {};
  const exchanges = Array.from({ length: 120 }, (_, at) =>
    (at % 2 === 0 ? client : second).open({ ':path': `/${at}`, ':authority': 'a.example' }, true),
  );
  await upstream.request(120);
  assert.equal(new Set(upstream.requests.map(({ session }) => session)).size, 2);
  for (const request of upstream.requests) request.answer('fine');
  for (const exchange of exchanges) assert.equal((await exchange.response()).body, 'fine');
});

test('a client that cancels resets its stream at the back end, and the connection serves on', async (t) => {
  const client = await connect(t);
  upstream.script = () => {};
  const exchange = client.open({ ':path': '/', ':authority': 'a.example' }, true);
  const { stream, session } = await upstream.request();
  exchange.stream.close(constants.NGHTTP2_CANCEL);
  await upstream.until(() => (stream.closed ? true : undefined));
  assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL);
  upstream.script = (request) => request.answer('fine');
  assert.equal((await client.get('/')).body, 'fine');
  assert.equal((await upstream.request(2)).session, session);
});

for (const kind of ['HTTP/1.1', 'HTTP/2']) {
  test(`a client of ${kind} that does not read stops its stream only, and gets all of it in the end`, async (t) => {
    const body = Buffer.alloc(40 * MIB, 'response');
    let sent = 0;
    upstream.script = (request) => {
      if (request.field(':path') !== '/large') {
        request.answer('fine');
        return;
      }
      request.stream.respond({ ':status': 200 });
      const push = (at: number): void => {
        if (at === body.length) request.stream.end();
        else request.stream.write(body.subarray(at, at + 16_384), () => push(at + 16_384));
        sent = at;
      };
      push(0);
    };
    const other = await connect(t);
    let received: () => Promise<number>;
    if (kind === 'HTTP/2') {
      const client = await connect(t);
      const stream = client.session.request({ ':path': '/large', ':authority': 'a.example' }, { endStream: true });
      t.after(() => stream.destroy());
      stream.pause();
      received = async () => {
        let bytes = 0;
        for await (const piece of stream as AsyncIterable<Buffer>) bytes += piece.length;
        return bytes;
      };
    } else {
      const client = await connectRaw(t);
      client.socket.pause();
      client.write('GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      received = async () => {
        client.socket.resume();
        const { text } = await client.remainder();
        return countChunked(text);
      };
    }
    await upstream.request();
    // When two hundred other requests have gone over the same connection, the large one has long stopped.
    for (let at = 0; at < 200; at++) assert.equal((await other.get('/small')).body, 'fine');
    assert.ok(sent < body.length / 2, `${sent} bytes were taken without a reader`);
    const stopped = sent;
    for (let at = 0; at < 50; at++) await other.get('/small');
    assert.equal(sent, stopped);
    assert.equal(await received(), body.length);
  });
}

/** Bytes of a chunked body, framing left out. */
function countChunked(text: string): number {
  let total = 0;
  for (let at = text.indexOf('\r\n\r\n') + 4; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    const bytes = Number.parseInt(text.slice(at, lineEnd), 16);
    if (bytes === 0) return total;
    total += bytes;
    at = lineEnd + 2 + bytes + 2;
  }
}

test('an upload that the back end does not read stops the client', async (t) => {
  const client = await connectRaw(t);
  const total = 40 * MIB;
  client.write(`POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
  const request = await upstream.request();
  request.stream.pause();
  let written = 0;
  const piece = Buffer.alloc(65_536, 'u');
  const push = (): void => {
    while (written < total) {
      written += piece.length;
      if (!client.socket.write(piece)) break;
    }
  };
  client.socket.on('drain', push);
  push();
  const other = await connect(t);
  for (let at = 0; at < 200; at++) assert.equal((await other.get('/small')).body, 'fine');
  assert.ok(written < total / 2, `${written} bytes were taken without a reader`);
  request.stream.resume();
  assert.equal(await client.status(), 200);
  assert.equal(request.body.length, total);
});
