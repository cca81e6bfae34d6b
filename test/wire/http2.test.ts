/** HTTP/2 clients: how they are told from others, and that their requests and responses are carried like any other's. */
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Http2Client } from '../support/http2-client.ts';
import { PREFACE } from '../support/http2-frames.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { configTo, type LogLine, SluiceProcess } from '../support/sluice-process.ts';

const MIB = 1_048_576;

let upstream: ScriptedUpstream;
/** Does not wait for bodies. */
let eager: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  eager = await ScriptedUpstream.start(() => null, { headOnly: true });
  const upstreams = Object.entries({ a: upstream, eager });
  sluice = await SluiceProcess.start({
    config: {
      upstreams: Object.fromEntries(upstreams.map(([name, { address }]) => [name, { endpoints: [{ address }] }])),
      routes: [
        { host: 'a.example', path: { prefix: '/' }, upstream: 'a' },
        { host: 'a.example', path: { prefix: '/eager' }, upstream: 'eager' },
      ],
    },
    args: ['--access-log', 'json'],
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
  await eager.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = () => ok('fine');
  eager.forget();
  eager.script = () => null;
});

const clearOrigin = (): string => `http://127.0.0.1:${sluice.httpPort}`;
const tlsOrigin = (): string => `https://127.0.0.1:${sluice.httpsPort}`;

async function connect(t: TestContext, origin = clearOrigin()): Promise<Http2Client> {
  const client = await Http2Client.connect(origin);
  t.after(() => client.destroy());
  return client;
}

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

const OFFERS: readonly { readonly offer: readonly string[]; readonly chosen: string }[] = [
  { offer: ['h2', 'http/1.1'], chosen: 'h2' },
  { offer: ['http/1.1', 'h2'], chosen: 'h2' },
  { offer: ['h3', 'h2'], chosen: 'h2' },
  { offer: ['http/1.1'], chosen: 'http/1.1' },
];

for (const { offer, chosen } of OFFERS) {
  test(`a client that offers ${offer.join(' and ')} gets ${chosen}`, async () => {
    const client = await RawClient.connectTls(sluice.httpsPort, { ALPNProtocols: [...offer] });
    assert.equal((client.socket as TLSSocket).alpnProtocol, chosen);
    client.destroy();
  });
}

test('a client that offers nothing we speak is refused, one that offers nothing gets HTTP/1.1', async () => {
  await assert.rejects(
    RawClient.connectTls(sluice.httpsPort, { ALPNProtocols: ['h3', 'smtp'] }),
    /no_application_protocol|no application protocol/i,
  );
  const client = await RawClient.connectTls(sluice.httpsPort, {});
  client.write(GET);
  assert.equal(await client.status(), 200);
  client.destroy();
});

test('a preface in any pieces begins HTTP/2, and what only looks like one is HTTP/1.1', async () => {
  const pieces = await RawClient.connect(sluice.httpPort);
  for (const byte of PREFACE) pieces.write(byte);
  pieces.write(Buffer.from('000000040000000000', 'hex'));
  const settings = await pieces.take(9);
  assert.equal(settings[3], 4);
  pieces.destroy();
  for (const [request, status] of [
    ['PRI / HTTP/1.1\r\nHost: a.example\r\n\r\n', 200],
    ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 505],
    ['PRI * HTTP/1.1\r\nHost: a.example\r\n\r\n', 400],
  ] as const) {
    for (const cut of [1, 3, 10, 19]) {
      const client = await RawClient.connect(sluice.httpPort);
      client.write(request.slice(0, cut));
      client.write(request.slice(cut));
      assert.equal(await client.status(), status, `${request} cut at ${cut}`);
      client.destroy();
    }
  }
});

for (const [name, origin, scheme] of [
  ['over TLS', tlsOrigin, 'https'],
  ['in the clear', clearOrigin, 'http'],
] as const) {
  test(`a request ${name} reaches the back end as HTTP/1.1 with our fields, and its response comes back`, async (t) => {
    const client = await connect(t, origin());
    upstream.script = () => ok('hello', 'X-Answer: \xe4\xff', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Age: 1', 'Age: 2');
    const response = await client.get('/x/%7e?q=/../', { 'x-raw': '\xe4', cookie: ['a=1', 'b=2'], accept: '*/*' });
    assert.equal(await response.status(), 200);
    assert.equal(response.body, 'hello');
    assert.equal(response.field('x-answer'), '\xe4\xff');
    assert.deepEqual(response.fieldsNamed('set-cookie'), ['a=1', 'b=2']);
    assert.deepEqual(response.fieldsNamed('age'), ['1', '2']);
    assert.equal(response.field('server'), 'sluice');
    assert.match(response.field('date') ?? '', /^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/);
    assert.equal(response.field('content-length'), '5');
    const request = await upstream.request();
    assert.equal(request.startLine, 'GET /x/~?q=/../ HTTP/1.1');
    assert.equal(request.field('Host'), 'a.example');
    assert.equal(request.field('Cookie'), 'a=1; b=2');
    assert.equal(request.field('X-Raw'), '\xe4');
    assert.equal(request.field('X-Forwarded-Proto'), scheme);
    assert.equal(request.field('X-Forwarded-For'), '127.0.0.1');
    assert.equal(request.field('X-Forwarded-Host'), 'a.example');
    assert.equal(request.field('X-Forwarded-Port'), String(scheme === 'https' ? sluice.httpsPort : sluice.httpPort));
    assert.match(request.field('X-Request-ID') ?? '', /^[0-9a-f]{32}$/);
    assert.equal(request.field('Connection'), null);
  });
}

test('HTTP/1.1 is served on both ports as before', async () => {
  const clear = await RawClient.connect(sluice.httpPort);
  const encrypted = await RawClient.connectTls(sluice.httpsPort, { ALPNProtocols: ['http/1.1'] });
  for (const client of [clear, encrypted]) {
    client.write(GET + GET);
    assert.deepEqual(await client.statuses(2), [200, 200]);
    client.destroy();
  }
});

test('many streams run side by side and are answered in any order', async (t) => {
  const client = await connect(t);
  const waiting: UpstreamRequest[] = [];
  upstream.script = (request) => {
    waiting.push(request);
    return null;
  };
  const exchanges = Array.from({ length: 50 }, (_, at) => client.get(`/${at}`));
  await upstream.request(50);
  for (const { connection, target } of waiting.toReversed()) connection.write(ok(`answer to ${target}`));
  const bodies = (await Promise.all(exchanges)).map(({ body }) => body);
  assert.deepEqual(
    bodies,
    Array.from({ length: 50 }, (_, at) => `answer to /${at}`),
  );
});

test('large bodies pass unchanged both ways, with and without an announced length', async (t) => {
  const client = await connect(t, tlsOrigin());
  const body = Buffer.from(Uint8Array.from({ length: 5 * MIB }, (_, at) => (at * 31) ^ (at >>> 8)));
  upstream.script = (request) => {
    const head = request.target === '/chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
    request.connection.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
    if (request.target !== '/chunked') return request.body;
    const chunks: Buffer[] = [];
    for (let at = 0; at < body.length; at += 100_000) {
      const piece = request.body.subarray(at, at + 100_000);
      chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    }
    return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
  };
  const [plain, chunked] = await Promise.all([
    client.post('/plain', body, { 'content-length': String(body.length) }),
    client.post('/chunked', body),
  ]);
  for (const { bytes } of [plain, chunked]) assert.ok(bytes.equals(body));
  const framings = upstream.requests.map((request) => [
    request.field('Content-Length'),
    request.field('Transfer-Encoding'),
  ]);
  assert.deepEqual(new Set(framings.map(String)), new Set([`${body.length},`, ',chunked']));
});

test('a client that does not read one stream slows its back end down, and no other stream', async (t) => {
  const client = await connect(t);
  const size = 48 * MIB;
  eager.script = ({ connection }) => {
    connection.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
    connection.write(Buffer.alloc(size));
    return null;
  };
  const slow = client.open({ ':path': '/eager', ':authority': 'a.example' }, true);
  await slow.status();
  slow.stream.pause();
  const { connection } = await eager.request();
  for (let round = 0; round < 20; round++) assert.equal((await client.get('/quick')).body, 'fine');
  assert.ok(connection.socket.writableLength > 0, 'the back end could write everything');
  slow.stream.resume();
  await slow.response();
  assert.equal(slow.receivedBytes, size);
});

test('a back end that does not read slows its client down, and no other stream', async (t) => {
  const client = await connect(t);
  const size = 48 * MIB;
  eager.script = ({ connection }) => {
    connection.socket.pause();
    return null;
  };
  const slow = client.open({ ':path': '/eager', ':authority': 'a.example', ':method': 'POST' });
  slow.stream.end(Buffer.alloc(size));
  const { connection } = await eager.request();
  for (let round = 0; round < 20; round++) assert.equal((await client.get('/quick')).body, 'fine');
  assert.ok(slow.stream.bufferSize > 0, 'the client could write everything');
  connection.socket.resume();
  await eager.until(() => (connection.receivedBytes > size ? true : undefined));
  connection.write(ok('thanks', 'Connection: close'));
  assert.equal((await slow.response()).body, 'thanks');
});

test('an early answer reaches a client that is still uploading, which may then stop', async (t) => {
  const client = await connect(t);
  eager.script = () => ok('enough', 'Connection: close');
  const upload = client.open({ ':path': '/eager', ':authority': 'a.example', ':method': 'POST' });
  upload.stream.write('first');
  assert.equal((await upload.response()).body, 'enough');
  assert.equal(await upload.resetCode(), constants.NGHTTP2_NO_ERROR);
  await eager.untilClosed((await eager.request()).connection);
  assert.equal((await client.get('/')).body, 'fine');
});

const BODILESS: readonly {
  readonly name: string;
  readonly method: string;
  readonly head: string;
  readonly length?: string;
}[] = [
  { name: 'HEAD', method: 'HEAD', head: 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', length: '7' },
  { name: 'HEAD without a length', method: 'HEAD', head: 'HTTP/1.1 200 OK\r\n\r\n' },
  { name: '204', method: 'GET', head: 'HTTP/1.1 204 No Content\r\n\r\n' },
  { name: '205 with a body', method: 'GET', head: 'HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nno' },
  { name: '304', method: 'GET', head: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n', length: '7' },
  { name: '200 of length 0', method: 'GET', head: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', length: '0' },
];

for (const { name, method, head, length } of BODILESS) {
  test(`a response without body (${name}) ends with its head`, async (t) => {
    const client = await connect(t);
    upstream.script = () => head;
    const response = await client.get('/', { ':method': method });
    assert.equal(response.body, '');
    assert.equal(response.field('content-length'), length);
    assert.equal(await response.resetCode(), constants.NGHTTP2_NO_ERROR);
  });
}

test('a body until close is passed on, and fields of the connection are not', async (t) => {
  const client = await connect(t);
  upstream.script = ({ connection }) => {
    const fields =
      'Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nHTTP2-Settings: x\r\nTE: x\r\nX-Kept: 1';
    connection.socket.end(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\nuntil close`);
    return null;
  };
  const response = await client.get('/');
  assert.equal(response.body, 'until close');
  const names = response.fields.filter((_, at) => at % 2 === 0);
  assert.deepEqual(names, [':status', 'x-kept', 'server', 'date']);
});

test('a response that breaks off is reset, not ended', async (t) => {
  const client = await connect(t);
  for (const head of ['Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'Content-Length: 9\r\n\r\nhalf']) {
    upstream.script = ({ connection }) => {
      connection.socket.end(`HTTP/1.1 200 OK\r\n${head}`);
      return null;
    };
    const exchange = client.open({ ':path': '/', ':authority': 'a.example' }, true);
    assert.equal(await exchange.resetCode(), constants.NGHTTP2_INTERNAL_ERROR);
    assert.equal(exchange.ended, false);
  }
});

test('103 is relayed with its fields, 100 nobody asked for is swallowed', async (t) => {
  const client = await connect(t);
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: </b>\r\n\r\n';
  upstream.script = () => `HTTP/1.1 100 Continue\r\n\r\n${hints}${ok('fine')}`;
  const response = await client.get('/');
  assert.deepEqual(
    response.interim.map(({ ':status': status, link }) => [status, link]),
    [[103, '</a>; rel=preload, </b>']],
  );
  assert.equal(response.body, 'fine');
});

test("Expect: 100-continue is forwarded, and the back end's 100 relayed before the body comes", async (t) => {
  const client = await connect(t);
  eager.script = () => 'HTTP/1.1 100 Continue\r\n\r\n';
  const fields = { ':path': '/eager', ':authority': 'a.example', ':method': 'POST', 'content-length': '4' };
  const exchange = client.open({ ...fields, expect: '100-continue' });
  await new Promise<void>((resolve) => {
    exchange.stream.once('continue', resolve);
  });
  const request = await eager.request();
  const { connection } = request;
  assert.equal(request.field('Expect'), '100-continue');
  exchange.stream.end('body');
  await eager.until(() => (connection.received.subarray(-4).toString() === 'body' ? true : undefined));
  connection.write(ok('done', 'Connection: close'));
  assert.equal((await exchange.response()).body, 'done');
});

test('trailers of a request are dropped, and its body is complete', async (t) => {
  const client = await connect(t);
  const request = { ':path': '/', ':authority': 'a.example', ':method': 'POST' };
  const stream = client.session.request(request, { endStream: false, waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': '1' }));
  stream.end('body');
  const seen = await upstream.request();
  assert.equal(seen.body.toString(), 'body');
  assert.doesNotMatch(seen.connection.received.toString('latin1'), /x-trailer/i);
});

test('what we answer ourselves has our fields and no connection field', async (t) => {
  const client = await connect(t);
  const missing = await client.get('/', { ':authority': 'unknown.example' });
  assert.equal(await missing.status(), 404);
  assert.match(missing.body, /404 Not Found/);
  assert.equal(missing.field('content-length'), String(missing.body.length));
  assert.equal(missing.field('server'), 'sluice');
  assert.equal(missing.field('connection'), undefined);
  const head = await client.get('/', { ':authority': 'unknown.example', ':method': 'HEAD' });
  assert.equal(head.body, '');
  assert.equal(head.field('content-length'), String(missing.body.length));
  const upload = await client.post('/', Buffer.alloc(MIB), { ':authority': 'unknown.example' });
  assert.equal(await upload.status(), 404);
  const options = await client.get('*', { ':method': 'OPTIONS' });
  assert.equal(await options.status(), 204);
});

function isAccess(line: LogLine, target: string, status: number): boolean {
  return line['target'] === target && line['status'] === status && line['protocol'] === 'HTTP/2.0';
}

test('the access log names the protocol, also for what was refused', async (t) => {
  const client = await connect(t);
  await client.get('/logged');
  await client.get('/refused', { ':authority': 'unknown.example' });
  await client.get('/', { host: 'differs.example' });
  for (const [target, status] of [
    ['/logged', 200],
    ['/refused', 404],
    ['', 400],
  ] as const) {
    let seen = 0;
    while (!sluice.logs.some((line) => isAccess(line, target, status))) {
      await sluice.log('access', seen);
      seen = sluice.logs.findLastIndex(({ msg }) => msg === 'access') + 1;
    }
  }
});

test('SIGTERM: GOAWAY at once, streams under way are finished, idle connections closed, exit code 0', async (t) => {
  const own = await SluiceProcess.start({
    config: configTo(upstream.address),
  });
  t.after(() => own.kill());
  upstream.script = ({ target }) => (target === '/slow' ? null : ok('quick'));
  const idle = await connect(t, `http://127.0.0.1:${own.httpPort}`);
  const fresh = await connect(t, `https://127.0.0.1:${own.httpsPort}`);
  const busy = await connect(t, `https://127.0.0.1:${own.httpsPort}`);
  await idle.get('/');
  upstream.forget();
  const slow = busy.open({ ':path': '/slow', ':authority': 'a.example' }, true);
  const request = await upstream.request();
  own.signal('SIGTERM');
  await idle.untilClosed();
  await fresh.untilClosed();
  assert.equal(idle.goawayCode, constants.NGHTTP2_NO_ERROR);
  assert.equal(busy.closed, false);
  request.connection.write(ok('in time'));
  assert.equal((await slow.response()).body, 'in time');
  assert.equal(busy.goawayCode, constants.NGHTTP2_NO_ERROR);
  assert.deepEqual(await own.exited(), { code: 0, signal: null });
});

test('connections of both protocols are counted alike', async (t) => {
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${sluice.adminPort}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const acceptedBefore = await metric('sluice_connections_accepted_total');
  const raw = await RawClient.connect(sluice.httpPort);
  raw.write(GET);
  await raw.status();
  await (await connect(t)).get('/');
  await (await connect(t, tlsOrigin())).get('/');
  assert.equal(await metric('sluice_connections_accepted_total'), acceptedBefore + 3);
  raw.destroy();
});
