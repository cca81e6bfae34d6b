/**
 * The body one stream sends, for either role: bytes go straight into the connection's frames while its windows and the
 * socket allow; what they do not allow waits here, and its sender is told to stop.
 * Hot.
 */
import { ByteQueue } from './byte-queue.ts';
import { mayGrow } from './flow-window.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { SendingStream, SendScheduler } from './send-scheduler.ts';

export interface OutgoingBodyListener {
  /** Some of what waited has left. */
  onSendProgress(): void;
  /** Nothing waits any more: more may be written, or the end. */
  onSendable(): void;
}

const NOTHING: Buffer = Buffer.alloc(0);

export class OutgoingBody implements SendingStream {
  isQueued: boolean;
  readonly #streamId: number;
  readonly #writer: FrameWriter;
  readonly #scheduler: SendScheduler;
  readonly #listener: OutgoingBodyListener;
  /** What the peer lets this stream send; below zero after it has made its windows smaller. */
  #window: number;
  #waiting: ByteQueue | null;
  /** Where the last frame of the stream stands, and in which buffer. */
  #frameAt: number;
  #frameEpoch: number;

  constructor(streamId: number, window: number, scheduler: SendScheduler, listener: OutgoingBodyListener) {
    this.isQueued = false;
    this.#streamId = streamId;
    this.#writer = scheduler.writer;
    this.#scheduler = scheduler;
    this.#listener = listener;
    this.#window = window;
    this.#waiting = null;
    this.#frameAt = 0;
    this.#frameEpoch = -1;
  }

  /** Bytes wait here. */
  get isWaiting(): boolean {
    return this.#waiting !== null && this.#waiting.length > 0;
  }

  /** A head was written: it may carry the end of the stream. */
  noteHead(frameAt: number): void {
    this.#frameAt = frameAt;
    this.#frameEpoch = this.#writer.epoch;
  }

  /** Bytes `[start, end)` are valid during the call only. */
  write(buffer: Buffer, start: number, end: number): void {
    let at = start;
    if (!this.isWaiting && this.#scheduler.isIdle) {
      while (at < end) {
        const bytes = this.#scheduler.allowance(this.#window, end - at);
        if (bytes <= 0) break;
        this.#send(buffer, at, at + bytes);
        at += bytes;
      }
    }
    if (at === end) return;
    this.#waiting ??= new ByteQueue();
    this.#waiting.append(buffer, at, end);
    if (this.#window > 0) this.#scheduler.add(this);
  }

  /** One code unit a byte; for short texts. */
  writeText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.write(bytes, 0, bytes.length);
  }

  /** @returns false: nothing more until `onSendable` */
  flush(): boolean {
    if (this.isWaiting) return false;
    if (this.#writer.flowing) return true;
    this.#scheduler.add(this);
    return false;
  }

  /** Ends the stream; nothing waits. */
  end(): void {
    if (this.#frameEpoch === this.#writer.epoch) this.#writer.endStreamAt(this.#frameAt);
    else this.#writer.data(this.#streamId, NOTHING, 0, 0, true);
  }

  /** @returns false when the window would become too large */
  grow(increment: number): boolean {
    if (!mayGrow(this.#window, increment)) return false;
    this.#window += increment;
    if (this.#window > 0 && this.isWaiting) this.#scheduler.add(this);
    return true;
  }

  /** What waits will not be sent. */
  discard(): void {
    this.#waiting = null;
    this.#scheduler.remove(this);
  }

  sendNext(): void {
    const waiting = this.#waiting;
    if (waiting !== null && waiting.length > 0) {
      const bytes = this.#scheduler.allowance(this.#window, waiting.length);
      if (bytes > 0) {
        this.#send(waiting.bytes, waiting.start, waiting.start + bytes);
        waiting.drop(bytes);
      }
      if (waiting.length > 0) {
        if (this.#window > 0) this.#scheduler.add(this);
        if (bytes > 0) this.#listener.onSendProgress();
        return;
      }
    }
    this.#listener.onSendable();
  }

  #send(buffer: Buffer, start: number, end: number): void {
    this.noteHead(this.#writer.data(this.#streamId, buffer, start, end, false));
    this.#window -= end - start;
    this.#scheduler.spend(end - start);
  }
}
