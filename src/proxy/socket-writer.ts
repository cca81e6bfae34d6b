/**
 * Writes to a socket without the stream machinery in between: what the kernel takes at once costs one call and leaves
 * nothing behind, no request object, no tick, no callback. The way there is private to Node, so wherever it looks
 * different `socket.write` does the work, and only the saving is lost (`docs/adr/0020-writes-past-the-stream.md`).
 * Hot: guarded by `bench/macro`.
 */
import type { Socket } from 'node:net';
import type { WriteBuffers } from './write-buffers.ts';

export interface WriteListener {
  /** What was queued is out, after a write that answered false. */
  onDrain(): void;
}

/** libuv's record of a write that the kernel did not take whole. */
interface QueuedWrite {
  oncomplete: (status: number) => void;
  /** Ours: whom to tell. */
  writer: SocketWriter;
  /** Ours: libuv reads from this memory until the write is complete. */
  buffer: Buffer | null;
  /** Ours. */
  length: number;
}

/** Both answer 0 when the kernel has everything, a negative error number, or the record of what is queued. */
interface StreamHandle {
  writeLatin1String(request: null, text: string): number | QueuedWrite;
  writeBuffer(request: null, bytes: Buffer): number | QueuedWrite;
}

/** As much may wait for a peer before the other side is asked to stop. */
const HIGH_WATER_BYTES = 65_536;

/** Whether handles of this runtime are called as above. Null until a first write has shown it. */
let direct: boolean | null = null;

export class SocketWriter {
  readonly #socket: Socket;
  readonly #buffers: WriteBuffers;
  readonly #listener: WriteListener;
  /** Written here and not yet taken by the kernel. */
  #queuedBytes: number;
  /** `onDrain` is owed. */
  #full: boolean;
  /** A TLS handle takes one write at a time and aborts the whole process at a second one; the stream knows when to wait. */
  readonly #encrypted: boolean;

  constructor(socket: Socket, buffers: WriteBuffers, listener: WriteListener) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#listener = listener;
    this.#queuedBytes = 0;
    this.#full = false;
    this.#encrypted = 'encrypted' in socket;
    socket.on('drain', () => this.#onStreamDrain());
  }

  /** Nothing written here waits for the peer to read. */
  get flushed(): boolean {
    return this.#queuedBytes === 0 && this.#socket.writableLength === 0;
  }

  /** One code unit a byte. @returns false: no more until `onDrain` */
  writeText(text: string): boolean {
    const handle = this.#handle();
    if (handle === null) return this.#writeToStream(text);
    const answer = handle.writeLatin1String(null, text);
    return answer === 0 ? !this.#full : this.#note(answer, text.length, null);
  }

  /**
   * Bytes `[0, length)` of a buffer from `WriteBuffers`, which goes back there when they are out.
   * @returns false: no more until `onDrain`
   */
  writeBuffer(buffer: Buffer, length: number): boolean {
    const bytes = buffer.subarray(0, length);
    const handle = this.#handle();
    if (handle === null) return this.#writeToStream(bytes, () => this.#onStreamTaken(buffer));
    const answer = handle.writeBuffer(null, bytes);
    if (answer !== 0) return this.#note(answer, length, buffer);
    this.#buffers.give(buffer);
    return !this.#full;
  }

  /**
   * Has `onDrain` called when all that was written is out.
   * @returns false when it is already
   */
  awaitDrain(): boolean {
    if (this.flushed) return false;
    this.#full = true;
    return true;
  }

  onComplete(status: number, length: number, buffer: Buffer | null): void {
    if (buffer !== null) this.#buffers.give(buffer);
    this.#queuedBytes -= length;
    if (status < 0) this.#socket.destroy();
    else if (this.#full && this.#queuedBytes === 0) {
      this.#full = false;
      this.#listener.onDrain();
    }
  }

  #note(answer: number | QueuedWrite, length: number, buffer: Buffer | null): boolean {
    if (typeof answer === 'number') {
      // The peer is gone; `close` of the socket tells everybody.
      this.#socket.destroy();
      return true;
    }
    answer.oncomplete = onComplete;
    answer.writer = this;
    answer.buffer = buffer;
    answer.length = length;
    this.#queuedBytes += length;
    if (this.#queuedBytes >= HIGH_WATER_BYTES) this.#full = true;
    return !this.#full;
  }

  #onStreamTaken(buffer: Buffer): void {
    this.#buffers.give(buffer);
    if (this.#full && this.flushed) this.#onStreamDrain();
  }

  /** Also of what others wrote to the stream: a tunnel does. */
  #onStreamDrain(): void {
    this.#full = false;
    this.#listener.onDrain();
  }

  /** Null: this write has to take the long way, and so has all that comes while an earlier one is still in there. */
  #handle(): StreamHandle | null {
    const socket = this.#socket as unknown as {
      readonly _handle: StreamHandle | null;
      readonly writableLength: number;
    };
    return direct === true && !this.#encrypted && socket.writableLength === 0 ? socket._handle : null;
  }

  #writeToStream(data: string | Buffer, onTaken?: () => void): boolean {
    if (direct === null) learn(this.#socket);
    const flowing = this.#socket.write(data, 'latin1', onTaken);
    if (!flowing) this.#full = true;
    return flowing;
  }
}

function onComplete(this: QueuedWrite, status: number): void {
  const { buffer } = this;
  this.buffer = null;
  this.writer.onComplete(status, this.length, buffer);
}

/** Looks at how Node itself calls the handle in the next write. */
function learn(socket: Socket): void {
  const handle = (socket as unknown as { readonly _handle: Record<string, unknown> | null })._handle;
  if (handle === null || typeof handle !== 'object') return;
  for (const method of ['writeLatin1String', 'writeBuffer']) {
    const original = handle[method];
    if (typeof original !== 'function') {
      direct = false;
      return;
    }
    handle[method] = (request: unknown, data: unknown): unknown => {
      direct = request === null;
      delete handle['writeLatin1String'];
      delete handle['writeBuffer'];
      return Reflect.apply(original, handle, [request, data]);
    };
  }
}
