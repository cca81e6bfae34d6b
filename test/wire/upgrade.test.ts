/** Connections that leave HTTP: WebSocket and other protocols, refusals, and what stands around the switch. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, statusOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Accept: yes\r\n\r\n';

let upstream: ScriptedUpstream;
let webSockets: http.Server;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => SWITCH, { headOnly: true });
  webSockets = http.createServer((_request, response) => response.end('no upgrade'));
  const echo = new WebSocketServer({ server: webSockets });
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
  upstream.script = () => SWITCH;
});

function upgrade(target = '/', protocol = 'echo', ...fields: readonly string[]): string {
  const lines = ['Host: a.example', 'Connection: keep-alive, Upgrade', `Upgrade: ${protocol}`, ...fields];
  return `GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

async function openTunnel(target = '/'): Promise<RawClient> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(upgrade(target));
  assert.equal(await client.status(), 101);
  return client;
}

test('WebSocket messages of every size go both ways', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${sluice.httpPort}/ws`);
  await new Promise((resolve) => {
    socket.once('open', resolve);
  });
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
    const sent = Buffer.alloc(size, size % 251);
    const echoed = new Promise<Buffer>((resolve) => {
      socket.once('message', (data: RawData) => resolve(data as Buffer));
    });
    socket.send(sent);
    assert.equal(sent.equals(await echoed), true, `${size} bytes`);
  }
  const closed = new Promise<number>((resolve) => {
    socket.once('close', resolve);
  });
  socket.close(4_001);
  assert.equal(await closed, 4_001);
});

test('any protocol can be switched to: the back end sees one offer, the client the 101 with its fields', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(upgrade('/', 'echo', 'Keep-Alive: 5', 'X-Key: value'));
  const response = await client.response();
  assert.equal(statusOf(response), 101);
  assert.equal(fieldOf(response, 'Connection'), 'upgrade');
  assert.equal(fieldOf(response, 'Upgrade'), 'echo');
  assert.equal(fieldOf(response, 'X-Accept'), 'yes');
  const request = await upstream.request();
  assert.equal(request.field('Connection'), 'upgrade');
  assert.equal(request.field('Upgrade'), 'echo');
  assert.equal(request.field('Keep-Alive'), null);
  assert.equal(request.field('X-Key'), 'value');
  client.destroy();
});

test('bytes right behind the 101 reach the client, bytes right behind the request the back end', async () => {
  upstream.script = () => `${SWITCH}first words`;
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`${upgrade()}early bird`);
  assert.equal(await client.status(), 101);
  assert.equal((await client.bytes((got) => got.length >= 11)).toString(), 'first words');
  const { connection } = await upstream.request();
  await upstream.until(() => (connection.received.toString().endsWith('\r\n\r\nearly bird') ? true : undefined));
  client.destroy();
});

test('bytes behind an offer wait until the back end has switched', async () => {
  upstream.script = () => null;
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`${upgrade()}early bird`);
  const { connection, head } = await upstream.request();
  client.write(' and more');
  const other = await RawClient.connect(sluice.httpPort);
  other.write('GET /ws HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(await other.status(), 200);
  assert.equal(connection.received.toString('latin1'), head);
  connection.write(SWITCH);
  assert.equal(await client.status(), 101);
  await upstream.until(() => (connection.received.toString().endsWith('early bird and more') ? true : undefined));
  client.destroy();
  other.destroy();
});

test('when one side stops sending, the other may go on', async () => {
  const client = await openTunnel();
  const { connection } = await upstream.request();
  client.socket.end('last words');
  await upstream.until(() => (connection.ended ? true : undefined));
  assert.ok(connection.received.toString().endsWith('last words'));
  connection.socket.end('the answer');
  assert.deepEqual(await client.remainder(), { text: 'the answer', ending: 'end' });
});

/** Reads piece by piece with a whole request to somewhere else in between, so that the sender is always ahead. */
function readSlowly(socket: Socket): void {
  socket.on('data', () => {
    socket.pause();
    http.get({ port: sluice.httpPort, path: '/ws', agent: false }, (response) => {
      response.resume().on('end', () => socket.resume());
    });
  });
}

test('what the back end sends to a slow client before it closes arrives whole', async () => {
  const answer = Buffer.alloc(16_000_000, 'abcdefghij');
  const client = await openTunnel();
  const { connection } = await upstream.request();
  client.socket.end('all said');
  await upstream.until(() => (connection.ended ? true : undefined));
  readSlowly(client.socket);
  connection.socket.end(answer);
  const { text, ending } = await client.remainder();
  assert.equal(ending, 'end');
  assert.equal(text.length, answer.length);
});

test('what the client sends to a slow back end before it closes arrives whole', async () => {
  const question = Buffer.alloc(16_000_000, 'abcdefghij');
  const client = await openTunnel();
  const { connection } = await upstream.request();
  const head = connection.receivedBytes;
  connection.socket.end();
  await client.remainder();
  readSlowly(connection.socket);
  client.socket.end(question);
  await upstream.untilClosed(connection);
  assert.equal(connection.receivedBytes - head, question.length);
});

test('when the client resets, the back end loses its connection too', async () => {
  const client = await openTunnel();
  const { connection } = await upstream.request();
  client.reset();
  await upstream.untilClosed(connection);
});

test('a tunnel that is silent too long is closed on both sides, once and for all', async () => {
  const client = await openTunnel('/brief');
  const { connection } = await upstream.request();
  await client.remainder();
  await upstream.untilClosed(connection);
  const probe = await openTunnel('/probe');
  assert.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/brief', '/probe'],
  );
  probe.destroy();
});

test('a refused upgrade is an ordinary response, and the next request ordinary HTTP', async () => {
  upstream.script = (request) => ok(request.target, 'Connection: close');
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`${upgrade('/refused')}GET /behind HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  assert.equal((await client.response()).body.toString(), '/refused');
  assert.equal((await client.response()).body.toString(), '/behind');
  client.destroy();
});

test('a 200 with the fields of a switch is none, and the next request is ordinary HTTP', async () => {
  upstream.script = (request) => ok(request.target, 'Connection: upgrade, close', 'Upgrade: echo');
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`${upgrade('/no-switch')}GET /behind HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  const response = await client.response();
  assert.equal(statusOf(response), 200);
  assert.equal(fieldOf(response, 'Upgrade'), null);
  assert.equal(fieldOf(response, 'Connection'), null);
  assert.equal((await client.response()).body.toString(), '/behind');
  const [first, second] = upstream.requests;
  assert.notEqual(first?.connection, second?.connection);
  client.destroy();
});

const NOT_FORWARDED: readonly { readonly name: string; readonly fields: readonly string[] }[] = [
  { name: 'h2c', fields: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'] },
  { name: 'h2c among others', fields: ['Connection: Upgrade', 'Upgrade: websocket, H2C'] },
  { name: 'h2c in a second field', fields: ['Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: h2c'] },
  { name: 'TLS', fields: ['Connection: Upgrade', 'Upgrade: TLS/1.2'] },
  { name: 'an Upgrade without its Connection token', fields: ['Connection: keep-alive', 'Upgrade: websocket'] },
  { name: 'a Connection token without Upgrade', fields: ['Connection: Upgrade'] },
];

for (const { name, fields } of NOT_FORWARDED) {
  test(`${name} is not offered to the back end`, async () => {
    upstream.script = () => ok('plain', 'Connection: close');
    const client = await RawClient.connect(sluice.httpPort);
    client.write(`GET / HTTP/1.1\r\nHost: a.example\r\n${fields.join('\r\n')}\r\n\r\n`);
    assert.equal((await client.response()).body.toString(), 'plain');
    const request = await upstream.request();
    assert.equal(request.field('Upgrade'), null);
    assert.equal(request.field('Connection'), null);
    assert.equal(request.field('HTTP2-Settings'), null);
    client.destroy();
  });
}

test('an offer in HTTP/1.0 is not forwarded', async () => {
  upstream.script = () => ok('plain', 'Connection: close');
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET / HTTP/1.0\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  assert.equal(await client.status(), 200);
  assert.equal((await upstream.request()).field('Upgrade'), null);
  client.destroy();
});

test('a 101 to another protocol than offered is 502', async () => {
  upstream.script = () => SWITCH.replace('Upgrade: echo', 'Upgrade: h2c');
  const client = await RawClient.connect(sluice.httpPort);
  client.write(upgrade('/', 'websocket'));
  assert.equal(await client.status(), 502);
  client.destroy();
});

test('a 101 without Upgrade is 502', async () => {
  upstream.script = () => 'HTTP/1.1 101 Switching Protocols\r\n\r\n';
  const client = await RawClient.connect(sluice.httpPort);
  client.write(upgrade());
  assert.equal(await client.status(), 502);
  client.destroy();
});
