/**
 * The body one stream receives, for either role: handed on as it comes, held back while its reader is paused, and counted
 * against the announced length (RFC 9113 §8.1.1). Credit is returned for what was handed on only, which bounds what is
 * held by the window of the stream.
 */
import { ByteQueue } from './byte-queue.ts';
import type { ConnectionCredit } from './connection-credit.ts';
import { ReceiveWindow } from './flow-window.ts';
import type { FrameWriter } from './frame-writer.ts';

/** What a stream may send before we have read any of it: also announced in our SETTINGS. */
export const STREAM_WINDOW_BYTES = 262_144;

export interface IncomingBodyListener {
  /** Bytes `[start, end)` are valid during the call only. */
  onBodyData(buffer: Buffer, start: number, end: number): void;
  /** @param trailers names and values in turn */
  onBodyEnd(trailers: readonly string[] | null): void;
  /** More or less than was announced. */
  onBodyBroken(): void;
}

export class IncomingBody {
  /** END_STREAM has come. */
  ended: boolean;
  readonly #streamId: number;
  readonly #writer: FrameWriter;
  readonly #credit: ConnectionCredit;
  readonly #listener: IncomingBodyListener;
  readonly #window: ReceiveWindow;
  /** Announced and not come; -1 = nothing was announced. */
  #awaitedBytes: number;
  #paused: boolean;
  #discarding: boolean;
  #held: ByteQueue | null;
  /** The end has come behind what is held. */
  #endHeld: boolean;
  #trailers: readonly string[] | null;

  /** @param announcedBytes -1 = none were */
  constructor(
    streamId: number,
    announcedBytes: number,
    writer: FrameWriter,
    credit: ConnectionCredit,
    listener: IncomingBodyListener,
  ) {
    this.ended = false;
    this.#streamId = streamId;
    this.#writer = writer;
    this.#credit = credit;
    this.#listener = listener;
    this.#window = new ReceiveWindow(STREAM_WINDOW_BYTES, STREAM_WINDOW_BYTES);
    this.#awaitedBytes = announcedBytes;
    this.#paused = false;
    this.#discarding = false;
    this.#held = null;
    this.#endHeld = false;
    this.#trailers = null;
  }

  /**
   * A DATA frame begins.
   * @returns false when it is more than the peer may send
   */
  receive(payloadBytes: number): boolean {
    return this.#window.receive(payloadBytes);
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (this.#discarding) return;
    const bytes = end - start;
    if (this.#awaitedBytes !== -1) {
      this.#awaitedBytes -= bytes;
      if (this.#awaitedBytes < 0) {
        this.#break();
        return;
      }
    }
    if (!this.#paused) {
      this.#listener.onBodyData(buffer, start, end);
      this.consume(bytes);
      return;
    }
    this.#held ??= new ByteQueue();
    this.#held.append(buffer, start, end);
    this.#credit.hold(bytes);
  }

  /** Bytes for which the peer gets its credit back: padding too. */
  consume(bytes: number): void {
    if (this.ended || this.#discarding) return;
    const increment = this.#window.consume(bytes);
    if (increment > 0) this.#writer.windowUpdate(this.#streamId, increment);
  }

  end(trailers: readonly string[] | null): void {
    this.ended = true;
    if (this.#discarding) return;
    if (this.#awaitedBytes > 0) {
      this.#break();
      return;
    }
    this.#trailers = trailers;
    if (this.#held !== null) this.#endHeld = true;
    else this.#listener.onBodyEnd(trailers);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    const piece = held.takeAll();
    this.#credit.release(piece.length);
    this.#listener.onBodyData(piece, 0, piece.length);
    this.consume(piece.length);
    if (this.#endHeld && !this.#discarding) this.#listener.onBodyEnd(this.#trailers);
  }

  /** Nobody wants the rest. */
  discard(): void {
    this.#discarding = true;
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#credit.release(held.length);
  }

  #break(): void {
    this.discard();
    this.#listener.onBodyBroken();
  }
}
