/** Taking the header off real sockets: in front of clear text and of TLS, with a limit, and without leaving anything behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { Roster } from '../../../src/model/roster.ts';
import type { Sweepable, Watch } from '../../../src/proxy/coarse-clock.ts';
import type { ProxyAddresses } from '../../../src/proxy/proxy-protocol/addresses.ts';
import { type DeadlineClock, HeaderReceiver } from '../../../src/proxy/proxy-protocol/header-receiver.ts';
import { SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

const LINE = 'PROXY TCP4 192.0.2.1 198.51.100.10 4498 443\r\n';
const CLIENT: ProxyAddresses = {
  sourceAddress: '192.0.2.1',
  sourcePort: 4498,
  destinationAddress: '198.51.100.10',
  destinationPort: 443,
};
const LIMIT_MS = 3_000;

class StandingClock implements DeadlineClock {
  nowMs = 1_000;
  readonly watched = new Roster<Sweepable>();

  watch(sweepable: Sweepable): Watch {
    return this.watched.add(sweepable);
  }
}

interface Outcome {
  readonly receiver: HeaderReceiver;
  readonly addresses: ProxyAddresses | null;
  readonly rest: Buffer;
  /** Null when a header came. */
  readonly fault: string | null;
}

/** One accepted connection with a receiver on it, and the client at its other end. */
async function connect(t: TestContext): Promise<{
  readonly clock: StandingClock;
  readonly client: net.Socket;
  readonly receiver: HeaderReceiver;
  readonly outcome: Promise<Outcome>;
}> {
  const clock = new StandingClock();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.setNoDelay(true);
  const [socket] = (await accepted) as [net.Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  const settled = Promise.withResolvers<Outcome>();
  const receiver = new HeaderReceiver(socket, clock, LIMIT_MS, {
    onHeader: (from, addresses, rest) => settled.resolve({ receiver: from, addresses, rest, fault: null }),
    onRefused: (from, fault) => settled.resolve({ receiver: from, addresses: null, rest: Buffer.alloc(0), fault }),
  });
  return { clock, client, receiver, outcome: settled.promise };
}

function assertReleased(clock: StandingClock, { socket }: HeaderReceiver): void {
  assert.equal(clock.watched.size, 0);
  for (const event of ['readable', 'data']) assert.equal(socket.listenerCount(event), 0, event);
}

test('what comes behind the header in the same read is handed over, and what comes later is read by the next', async (t) => {
  const { clock, client, receiver, outcome } = await connect(t);
  client.write(`${LINE}GET / `);
  const { addresses, rest } = await outcome;
  assert.deepEqual(addresses, CLIENT);
  assertReleased(clock, receiver);
  const { socket } = receiver;
  if (rest.length > 0) socket.unshift(rest);
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text.endsWith('\r\n\r\n')) socket.end(text);
  });
  client.write('HTTP/1.1\r\n\r\n');
  let echoed = '';
  for await (const chunk of client) echoed += String(chunk);
  assert.equal(echoed, 'GET / HTTP/1.1\r\n\r\n');
});

test('a header that comes byte by byte is read like any other', async (t) => {
  const { client, outcome } = await connect(t);
  for (const byte of LINE) await new Promise((resolve) => client.write(byte, resolve));
  const { addresses, rest } = await outcome;
  assert.deepEqual(addresses, CLIENT);
  assert.equal(rest.length, 0);
});

test('a TLS handshake behind the header works, and the peer of the socket is not the client', async (t) => {
  for (const inOneWrite of [true, false]) {
    const { client, outcome } = await connect(t);
    const terminator = tls.createServer({ cert: SHOP_CERT, key: SHOP_KEY }, (socket) => {
      socket.on('data', (chunk: Buffer) => socket.end(`echo ${chunk.toString()}`));
    });
    if (inOneWrite) client.cork();
    client.write(LINE);
    const secure = tls.connect({ socket: client, rejectUnauthorized: false, servername: 'shop.example' });
    secure.write('hello');
    if (inOneWrite) setImmediate(() => client.uncork());
    const { receiver, addresses, rest } = await outcome;
    assert.deepEqual(addresses, CLIENT);
    if (rest.length > 0) receiver.socket.unshift(rest);
    terminator.emit('connection', receiver.socket);
    let text = '';
    for await (const chunk of secure) text += String(chunk);
    assert.equal(text, 'echo hello');
  }
});

test('a connection without header is closed without an answer', async (t) => {
  const { clock, client, receiver, outcome } = await connect(t);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match((await outcome).fault ?? '', /does not begin/);
  assertReleased(clock, receiver);
  assert.equal(receiver.socket.destroyed, true);
  client.resume();
  if (!client.closed) await once(client, 'close');
  assert.equal(client.bytesRead, 0);
});

test('the limit holds for the whole header, whatever trickles in', async (t) => {
  const { clock, client, receiver, outcome } = await connect(t);
  await new Promise((resolve) => client.write('PROXY ', resolve));
  receiver.onTick(clock.nowMs + LIMIT_MS - 1);
  assert.equal(receiver.socket.destroyed, false);
  receiver.onTick(clock.nowMs + LIMIT_MS);
  assert.equal((await outcome).fault, 'no complete PROXY protocol header in time');
  assertReleased(clock, receiver);
});

test('a peer that leaves without a word is no fault, one that leaves inside the header is', async (t) => {
  const silent = await connect(t);
  silent.client.end();
  assert.equal((await silent.outcome).fault, '');
  assertReleased(silent.clock, silent.receiver);
  const broken = await connect(t);
  broken.client.end('PROXY TCP4');
  assert.equal((await broken.outcome).fault, 'the connection ended inside the header');
});

test('a reset before the header ends the receiver once', async (t) => {
  const { clock, client, receiver, outcome } = await connect(t);
  client.resetAndDestroy();
  assert.equal((await outcome).fault, '');
  assertReleased(clock, receiver);
});

test('shutdown cuts a connection that waits for its header, and leaves one alone that has it', async (t) => {
  const waiting = await connect(t);
  waiting.receiver.destroy();
  assert.equal((await waiting.outcome).fault, '');
  assert.equal(waiting.receiver.socket.destroyed, true);
  const passed = await connect(t);
  passed.client.write(LINE);
  await passed.outcome;
  passed.receiver.destroy();
  assert.equal(passed.receiver.socket.destroyed, false);
});
