/** Closing one end of a tunnel after the other is gone. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { closeTunnelSocket } from '../../src/proxy/tunnel.ts';

const STALL_LIMIT_MS = 5_000;

/** A socket whose peer reads only when told to. */
class SlowSocket extends Duplex {
  readonly sent: string[] = [];
  stalled: (() => void) | null = null;
  #release: (() => void) | null = null;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#release = () => {
      this.sent.push(chunk.toString());
      done();
    };
  }

  setTimeout(limitMs: number, onStall: () => void): void {
    assert.equal(limitMs, STALL_LIMIT_MS);
    this.stalled = onStall;
  }

  letPeerRead(): void {
    this.#release?.();
  }
}

function close(socket: SlowSocket): void {
  closeTunnelSocket(socket as unknown as Socket, socket.writableEnded, STALL_LIMIT_MS);
}

test('a side that was told to end sends what it has before it is destroyed', async () => {
  const socket = new SlowSocket();
  socket.write('last words');
  socket.end();
  close(socket);
  assert.equal(socket.destroyed, false);
  const closed = new Promise((resolve) => {
    socket.once('close', resolve);
  });
  socket.letPeerRead();
  await closed;
  assert.deepEqual(socket.sent, ['last words']);
});

test('a side that was told to end is destroyed when its peer does not read', () => {
  const socket = new SlowSocket();
  socket.write('never read');
  socket.end();
  close(socket);
  socket.stalled?.();
  assert.equal(socket.destroyed, true);
  assert.deepEqual(socket.sent, []);
});

test('a side that was not told to end is destroyed at once', () => {
  const socket = new SlowSocket();
  socket.write('cut');
  close(socket);
  assert.equal(socket.destroyed, true);
});
