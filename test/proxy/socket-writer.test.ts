/** Writes past the stream machinery: over TCP and TLS, to peers that read and peers that do not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { SocketWriter, type WriteListener } from '../../src/proxy/socket-writer.ts';
import { WriteBuffers } from '../../src/proxy/write-buffers.ts';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

const READ_BYTES = 65_536;
const STALL_BYTES = 16_777_216;

interface Pair {
  /** The end that is written to. */
  readonly socket: net.Socket;
  /** The end that reads, once it is told to. */
  readonly peer: net.Socket;
}

const TRANSPORTS: Readonly<Record<string, (t: TestContext) => Promise<Pair>>> = {
  TCP: async (t) => {
    const server = net.createServer({ allowHalfOpen: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const peer = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    return withCleanUp(t, server, { socket, peer });
  },
  TLS: async (t) => {
    const server = tls.createServer({ cert: SHOP_CERT, key: SHOP_KEY, allowHalfOpen: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const peer = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    const [socket] = (await once(server, 'secureConnection')) as [tls.TLSSocket];
    return withCleanUp(t, server, { socket, peer });
  },
};

function withCleanUp(t: TestContext, server: net.Server, pair: Pair): Pair {
  pair.socket.on('error', () => {});
  pair.peer.on('error', () => {});
  t.after(() => {
    pair.socket.destroy();
    pair.peer.destroy();
    server.close();
  });
  return pair;
}

class Drains implements WriteListener {
  count = 0;
  readonly #waiting: (() => void)[] = [];

  onDrain(): void {
    this.count++;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

async function readToEnd(peer: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  peer.on('data', (piece: Buffer) => pieces.push(piece));
  peer.resume();
  await once(peer, 'end');
  return Buffer.concat(pieces);
}

function fill(buffers: WriteBuffers, length: number, byte: number): Buffer {
  const buffer = buffers.take(length);
  buffer.fill(byte, 0, length);
  return buffer;
}

for (const [name, connect] of Object.entries(TRANSPORTS)) {
  test(`${name}: what is written in one turn arrives in order, and the end behind it`, async (t) => {
    const { socket, peer } = await connect(t);
    const buffers = new WriteBuffers(READ_BYTES);
    const writer = new SocketWriter(socket, buffers, new Drains());
    const expected: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      for (const text of ['a', 'bc', 'def']) {
        writer.writeText(text);
        expected.push(text);
      }
      writer.writeBuffer(fill(buffers, 5_000, 0x30 + turn), 5_000);
      expected.push(String(turn).repeat(5_000));
      writer.writeText('\u00ff');
      expected.push('\u00ff');
      await new Promise(setImmediate);
    }
    writer.writeText('last');
    writer.end(null);
    assert.equal(writer.ending, true);
    assert.equal((await readToEnd(peer)).toString('latin1'), `${expected.join('')}last`);
  });

  test(`${name}: a peer that does not read stops the writer, and everything arrives once it does`, async (t) => {
    const { socket, peer } = await connect(t);
    const buffers = new WriteBuffers(READ_BYTES);
    const drains = new Drains();
    const writer = new SocketWriter(socket, buffers, drains);
    peer.pause();
    let written = 0;
    let flowing = true;
    // The first write of a process goes through the stream; turns let each way finish what it can.
    while (flowing && written < STALL_BYTES) {
      flowing = writer.writeBuffer(fill(buffers, READ_BYTES, written / READ_BYTES), READ_BYTES);
      written += READ_BYTES;
      await new Promise(setImmediate);
    }
    assert.equal(flowing, false);
    assert.equal(writer.flushed, false);
    assert.equal(writer.writeText('behind'), false);
    const drained = drains.next();
    const ended = new Promise<void>((resolve) => {
      void drained.then(() => writer.end(resolve));
    });
    const received = await readToEnd(peer);
    await ended;
    assert.equal(drains.count, 1);
    assert.equal(writer.flushed, true);
    assert.equal(received.length, written + 'behind'.length);
    for (let at = 0; at < written; at += READ_BYTES) {
      const piece = received.subarray(at, at + READ_BYTES);
      assert.ok(
        piece.every((byte) => byte === ((at / READ_BYTES) & 255)),
        `piece at ${at}`,
      );
    }
    assert.equal(received.subarray(written).toString(), 'behind');
  });

  test(`${name}: an end that is asked for while something waits comes behind it`, async (t) => {
    const { socket, peer } = await connect(t);
    const buffers = new WriteBuffers(READ_BYTES);
    const writer = new SocketWriter(socket, buffers, new Drains());
    peer.pause();
    for (let piece = 0; piece < 64; piece++) writer.writeBuffer(fill(buffers, READ_BYTES, piece), READ_BYTES);
    writer.writeText('last');
    const ended = new Promise<void>((resolve) => writer.end(resolve));
    const received = await readToEnd(peer);
    await ended;
    assert.equal(received.length, 64 * READ_BYTES + 4);
    assert.equal(received.subarray(-4).toString(), 'last');
  });

  test(`${name}: writing to a peer that is gone closes the socket and throws nothing`, async (t) => {
    const { socket, peer } = await connect(t);
    const buffers = new WriteBuffers(READ_BYTES);
    const writer = new SocketWriter(socket, buffers, new Drains());
    const closed = once(socket, 'close');
    if (peer instanceof tls.TLSSocket) peer.destroy();
    else peer.resetAndDestroy();
    socket.resume();
    for (let turn = 0; turn < 100 && !socket.destroyed; turn++) {
      writer.writeBuffer(fill(buffers, READ_BYTES, turn), READ_BYTES);
      await new Promise(setImmediate);
    }
    socket.destroy();
    await closed;
    writer.writeText('too late');
  });
}

test('the number of the error stays with the writer of a socket that could not be written to', async (t: TestContext) => {
  const { socket } = await (TRANSPORTS['TCP'] as (t: TestContext) => Promise<Pair>)(t);
  const writer = new SocketWriter(socket, new WriteBuffers(READ_BYTES), new Drains());
  writer.writeText('known from now on');
  assert.equal(writer.errno, 0);
  const handle = (socket as unknown as { readonly _handle: Record<string, unknown> })._handle;
  handle['writeLatin1String'] = () => -105;
  writer.writeText('lost');
  assert.equal(writer.errno, -105);
  assert.equal(socket.destroyed, true);
});

test('a buffer serves one write after the other, and one of another size is not kept', () => {
  const buffers = new WriteBuffers(READ_BYTES);
  const first = buffers.take(READ_BYTES);
  buffers.give(first);
  assert.equal(buffers.take(10), first);
  const large = buffers.take(READ_BYTES * 4);
  assert.ok(large.length >= READ_BYTES * 4);
  buffers.give(large);
  assert.notEqual(buffers.take(10), large);
});
