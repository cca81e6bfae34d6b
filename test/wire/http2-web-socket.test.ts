/** WebSockets over HTTP/2 (RFC 8441): extended CONNECT towards back ends that speak HTTP/1.1. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { constants } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { type RawData, WebSocketServer } from 'ws';
import { Http2Client, type Http2Exchange, type RequestFields } from '../support/http2-client.ts';
import { ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let webSockets: http.Server;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(toSwitch, { headOnly: true });
  webSockets = http.createServer((_request, response) => response.end('no upgrade'));
  const echo = new WebSocketServer({ server: webSockets, handleProtocols: () => 'chat' });
  echo.on('connection', (socket) => {
    socket.on('message', (data: RawData, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise<void>((resolve) => {
    webSockets.listen(0, '127.0.0.1', resolve);
  });
  const { port } = webSockets.address() as AddressInfo;
  sluice = await SluiceProcess.start({
    config: {
      upstreams: {
        raw: { endpoints: [{ address: upstream.address }] },
        ws: { endpoints: [{ address: `127.0.0.1:${port}` }] },
      },
      routes: [
        { path: { prefix: '/' }, upstream: 'raw' },
        { path: { prefix: '/ws' }, upstream: 'ws' },
        { path: { prefix: '/brief' }, upstream: 'raw', timeouts: { idle: '300ms' } },
      ],
    },
  });
});

after(async () => {
  await sluice.kill();
  webSockets.closeAllConnections();
  webSockets.close();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = toSwitch;
});

/** A back end that agrees, and relays nothing by itself. */
function toSwitch(request: UpstreamRequest): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(request)}\r\n\r\n`;
}

function acceptOf(request: UpstreamRequest): string {
  const key = request.field('sec-websocket-key') ?? '';
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

async function connect(t: TestContext): Promise<Http2Client> {
  const client = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  t.after(() => client.destroy());
  assert.equal(client.session.remoteSettings.enableConnectProtocol, true);
  return client;
}

async function open(t: TestContext, path: string, fields: RequestFields = {}): Promise<Http2Exchange> {
  return begin(await connect(t), path, fields);
}

function begin(client: Http2Client, path: string, fields: RequestFields = {}): Http2Exchange {
  const pseudo = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, ':authority': 'a.example' };
  return client.open({ ...pseudo, 'sec-websocket-version': '13', ...fields });
}

function untilUpstream(isSo: () => boolean): Promise<true> {
  return upstream.until(() => (isSo() ? true : undefined));
}

/** A masked text frame of a client, shorter than 126 bytes (RFC 6455 §5.2). */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]);
}

test('a web socket of a client of HTTP/2 talks to a server that knows HTTP/1.1 only', async (t) => {
  const socket = await open(t, '/ws', { 'sec-websocket-protocol': 'chat' });
  assert.equal(await socket.status(), 200);
  assert.equal(socket.field('sec-websocket-protocol'), 'chat');
  assert.equal(socket.field('sec-websocket-accept'), undefined);
  assert.equal(socket.field('upgrade'), undefined);
  socket.stream.write(textFrame('hello'));
  await socket.until(() => socket.body.includes('hello'));
  socket.stream.write(textFrame('again'));
  await socket.until(() => socket.body.includes('again'));
});

test('the back end sees a handshake of HTTP/1.1 with a key of ours, and each gets its own', async (t) => {
  const keys = new Set<string | null>();
  for (let round = 0; round < 2; round++) {
    upstream.forget();
    const socket = await open(t, '/chat?room=1', { 'sec-websocket-key': 'of the client', cookie: 'a=b' });
    assert.equal(await socket.status(), 200);
    const request = await upstream.request();
    assert.equal(request.method, 'GET');
    assert.equal(request.target, '/chat?room=1');
    assert.equal(request.field('upgrade'), 'websocket');
    assert.match(request.field('connection') ?? '', /upgrade/i);
    assert.equal(request.field('sec-websocket-version'), '13');
    assert.equal(request.field('cookie'), 'a=b');
    assert.equal(Buffer.from(request.field('sec-websocket-key') ?? '', 'base64').length, 16);
    keys.add(request.field('sec-websocket-key'));
  }
  assert.equal(keys.size, 2);
});

test('what the client sends before the back end has switched waits for it', async (t) => {
  upstream.script = () => null;
  const socket = await open(t, '/');
  socket.stream.write('early');
  const request = await upstream.request();
  assert.equal(request.connection.received.indexOf('early'), -1);
  request.connection.write(`${toSwitch(request)}and at once`);
  await socket.until(() => socket.body === 'and at once');
  await untilUpstream(() => request.connection.received.includes('early'));
});

test('megabytes go both ways, and who is slow is waited for', async (t) => {
  const socket = await open(t, '/');
  assert.equal(await socket.status(), 200);
  const { connection } = await upstream.request();
  const total = 8 * 1024 * 1024;
  socket.stream.pause();
  connection.write(Buffer.alloc(total, 'd'));
  socket.stream.write(Buffer.alloc(total, 'u'));
  const uploaded = (): number => connection.receivedBytes - connection.received.indexOf('\r\n\r\n') - 4;
  await untilUpstream(() => uploaded() >= total);
  socket.stream.resume();
  await socket.until(() => socket.receivedBytes === total);
});

test('each side may end before the other', async (t) => {
  const socket = await open(t, '/');
  assert.equal(await socket.status(), 200);
  const { connection } = await upstream.request();
  socket.stream.end('last words');
  await untilUpstream(() => connection.ended);
  assert.ok(connection.received.includes('last words'));
  connection.socket.end('answer to them');
  await socket.response();
  assert.equal(socket.body, 'answer to them');
});

test('a client that resets its stream closes the connection to the back end', async (t) => {
  const socket = await open(t, '/');
  assert.equal(await socket.status(), 200);
  const { connection } = await upstream.request();
  socket.stream.close(8);
  await upstream.untilClosed(connection);
});

test('web sockets that are opened and reset over and over are told to calm down', async (t) => {
  const client = await connect(t);
  let opened = 0;
  while (!client.closed && client.goawayCode === -1 && opened < 400) {
    const socket = begin(client, '/');
    opened++;
    if ((await socket.status().catch(() => 0)) !== 200) break;
    socket.stream.close(constants.NGHTTP2_CANCEL);
    await socket.resetCode();
  }
  assert.ok(opened < 400, `${opened} were taken`);
  await client.untilClosed();
  assert.equal(client.goawayCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
});

test('a back end that goes away resets the stream, not the connection', async (t) => {
  const socket = await open(t, '/');
  assert.equal(await socket.status(), 200);
  const { connection } = await upstream.request();
  connection.socket.resetAndDestroy();
  assert.equal(await socket.resetCode(), 8);
});

test('a silent web socket is closed after the idle time of its route', async (t) => {
  const socket = await open(t, '/brief');
  assert.equal(await socket.status(), 200);
  assert.equal(await socket.resetCode(), 8);
});

test('a back end that declines is passed on', async (t) => {
  upstream.script = () => 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno';
  const socket = await open(t, '/');
  assert.equal(await socket.status(), 403);
  await socket.until(() => socket.body === 'no');
});

test('a back end that answers 200 does not pass for a web socket', async (t) => {
  upstream.script = () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
  const socket = await open(t, '/');
  assert.equal(await socket.resetCode(), 2);
  assert.deepEqual(socket.fields, []);
});

test('a back end that has not read the key is not believed', async (t) => {
  upstream.script = (request) => toSwitch(request).replace(/Accept: .{4}/, 'Accept: AAAA');
  const socket = await open(t, '/');
  assert.equal(await socket.status(), 502);
  for (const connection of upstream.connections) await upstream.untilClosed(connection);
});

test('other protocols are answered 501', async (t) => {
  const socket = await open(t, '/', { ':protocol': 'connect-udp' });
  assert.equal(await socket.status(), 501);
  assert.equal(upstream.requests.length, 0);
});
