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

/** Node's record of a write that is not complete when the call returns. */
interface PendingWrite {
  oncomplete: (status: number) => void;
  /** Ours: whom to tell. */
  writer: SocketWriter;
  /** Ours: it is read from until the write is complete. */
  buffer: Buffer | null;
  /** Ours. */
  length: number;
}

/** Both answer 0 when the kernel has everything, a negative error number, or the record of what is pending. */
interface StreamHandle {
  writeLatin1String(request: null, text: string): number | PendingWrite;
  writeBuffer(request: null, bytes: Buffer): number | PendingWrite;
}

/** A write that has to wait for the one before it. `buffer` is null for text. */
interface WaitingWrite {
  readonly text: string;
  readonly buffer: Buffer | null;
  readonly length: number;
}

/** As much may wait for a peer before the other side is asked to stop. */
const HIGH_WATER_BYTES = 131_072;

/** Whether handles of this runtime are called as above. Null until a first write has shown it. */
let direct: boolean | null = null;

export class SocketWriter {
  readonly #socket: Socket;
  readonly #buffers: WriteBuffers;
  readonly #listener: WriteListener;
  /** TLS takes a write only when the one before is complete; Node ends the process otherwise. */
  readonly #oneAtATime: boolean;
  #errno: number;
  /** Given to the handle, and not complete. */
  #pendingWrites: number;
  /** Written here and not yet taken by the kernel. */
  #queuedBytes: number;
  #waiting: WaitingWrite[] | null;
  /** `onDrain` is owed. */
  #full: boolean;
  /** `end` was called while something was pending. */
  #ending: boolean;
  #onEnded: (() => void) | null;

  constructor(socket: Socket, buffers: WriteBuffers, listener: WriteListener) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#listener = listener;
    this.#oneAtATime = 'encrypted' in socket;
    this.#errno = 0;
    this.#pendingWrites = 0;
    this.#queuedBytes = 0;
    this.#waiting = null;
    this.#full = false;
    this.#ending = false;
    this.#onEnded = null;
    socket.on('drain', () => this.#onStreamDrain());
  }

  /** Nothing written here waits for the peer to read. */
  get flushed(): boolean {
    return this.#queuedBytes === 0 && this.#socket.writableLength === 0;
  }

  /** Of the write that failed, negative, whereupon the socket is closed; 0 = none did. */
  get errno(): number {
    return this.#errno;
  }

  /** `end` was called; what was written before may still be on its way. */
  get ending(): boolean {
    return this.#ending;
  }

  /** One code unit a byte. @returns false: no more until `onDrain` */
  writeText(text: string): boolean {
    const handle = this.#handle();
    if (handle === null) return this.#writeToStream(text);
    if (this.#oneAtATime && this.#pendingWrites !== 0) return this.#wait(text, null, text.length);
    const answer = handle.writeLatin1String(null, text);
    return answer === 0 ? !this.#full : this.#note(answer, text.length, null);
  }

  /**
   * Bytes `[0, length)` of a buffer that is the writer's from now on; one of `WriteBuffers` goes back there when they are out.
   * @returns false: no more until `onDrain`
   */
  writeBuffer(buffer: Buffer, length: number): boolean {
    const handle = this.#handle();
    if (handle === null) return this.#writeToStream(buffer.subarray(0, length), () => this.#onStreamTaken(buffer));
    if (this.#oneAtATime && this.#pendingWrites !== 0) return this.#wait('', buffer, length);
    const answer = handle.writeBuffer(null, buffer.subarray(0, length));
    if (answer !== 0) return this.#note(answer, length, buffer);
    this.#buffers.give(buffer);
    return !this.#full;
  }

  /** Closes our side behind everything written here; `onEnded` is told when that is out. */
  end(onEnded: (() => void) | null): void {
    this.#ending = true;
    this.#onEnded = onEnded;
    if (this.#pendingWrites === 0) this.#end();
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
    this.#pendingWrites--;
    this.#queuedBytes -= length;
    if (status < 0) {
      this.#errno = status;
      this.#socket.destroy();
      return;
    }
    if (this.#waiting !== null) this.#writeNext(this.#waiting);
    if (this.#ending && this.#pendingWrites === 0) this.#end();
    if (!this.#full || this.#queuedBytes !== 0) return;
    this.#full = false;
    this.#listener.onDrain();
  }

  #end(): void {
    if (this.#onEnded === null) this.#socket.end();
    else this.#socket.end(this.#onEnded);
  }

  #note(answer: number | PendingWrite, length: number, buffer: Buffer | null): boolean {
    if (typeof answer === 'number') {
      // The peer is gone; `close` of the socket tells everybody.
      this.#errno = answer;
      this.#socket.destroy();
      return true;
    }
    answer.oncomplete = onComplete;
    answer.writer = this;
    answer.buffer = buffer;
    answer.length = length;
    this.#pendingWrites++;
    return this.#queue(length);
  }

  #queue(length: number): boolean {
    this.#queuedBytes += length;
    if (this.#queuedBytes >= HIGH_WATER_BYTES) this.#full = true;
    return !this.#full;
  }

  #wait(text: string, buffer: Buffer | null, length: number): boolean {
    (this.#waiting ??= []).push({ text, buffer, length });
    return this.#queue(length);
  }

  /** Texts that wait in a row go out as one. */
  #writeNext(waiting: WaitingWrite[]): void {
    let text = '';
    let next = waiting[0] as WaitingWrite;
    while (next.buffer === null) {
      waiting.shift();
      text += next.text;
      if (waiting.length === 0) break;
      next = waiting[0] as WaitingWrite;
    }
    if (text === '') waiting.shift();
    if (waiting.length === 0) this.#waiting = null;
    this.#queuedBytes -= text === '' ? next.length : text.length;
    if (this.#socket.destroyed) return;
    if (text !== '') this.writeText(text);
    else this.writeBuffer(next.buffer as Buffer, next.length);
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
    return direct === true && socket.writableLength === 0 ? socket._handle : null;
  }

  #writeToStream(data: string | Buffer, onTaken?: () => void): boolean {
    // What was held for it is for nobody.
    if (this.#socket.destroyed) return true;
    if (direct === null) learn(this.#socket);
    const flowing = this.#socket.write(data, 'latin1', onTaken);
    if (!flowing) this.#full = true;
    return flowing;
  }
}

function onComplete(this: PendingWrite, status: number): void {
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
