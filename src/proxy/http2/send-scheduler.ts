/**
 * Shares what a connection may send among its streams: those with bytes waiting take turns, a frame each. Holds the
 * window of the connection (RFC 9113 §6.9.1). For either role.
 * Hot, but idle as long as the peer reads and gives credit.
 */
import { DEFAULT_WINDOW_BYTES } from './frame-constants.ts';
import type { FrameWriter } from './frame-writer.ts';

export interface SendingStream {
  /** In the queue; only the scheduler sets it. */
  isQueued: boolean;
  /** Sends one frame of what waits, and asks for another turn when there is more. */
  sendNext(): void;
}

export class SendScheduler {
  /** What the peer lets the whole connection send. */
  window: number;
  readonly writer: FrameWriter;
  readonly #queue: SendingStream[];
  #running: boolean;
  #sentBytes: number;

  constructor(writer: FrameWriter) {
    this.window = DEFAULT_WINDOW_BYTES;
    this.writer = writer;
    this.#queue = [];
    this.#running = false;
    this.#sentBytes = 0;
  }

  /** Nobody waits: whoever has something may send it at once. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && !this.#running;
  }

  /** How many of `wanted` bytes may leave in one frame now, for a stream with this window. */
  allowance(streamWindow: number, wanted: number): number {
    let bytes = this.writer.dataRoom();
    if (bytes > this.window) bytes = this.window;
    if (bytes > streamWindow) bytes = streamWindow;
    return bytes > wanted ? wanted : bytes;
  }

  /** Bytes of a body have left. */
  spend(bytes: number): void {
    this.window -= bytes;
    this.#sentBytes += bytes;
  }

  /** Bytes of bodies that left since the last call. */
  takeSent(): number {
    const bytes = this.#sentBytes;
    this.#sentBytes = 0;
    return bytes;
  }

  add(stream: SendingStream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#queue.push(stream);
  }

  remove(stream: SendingStream): void {
    if (!stream.isQueued) return;
    stream.isQueued = false;
    this.#queue.splice(this.#queue.indexOf(stream), 1);
  }

  /** To be called when the connection can send again: credit, or a socket that takes more. */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    while (this.#queue.length > 0 && this.window > 0 && this.writer.flowing) {
      const stream = this.#queue.shift() as SendingStream;
      stream.isQueued = false;
      stream.sendNext();
    }
    this.#running = false;
  }
}
