/** Tells when the peer of a connection, of either role, has stopped in the middle of a frame or does not read ours. */
import type { CoarseClock } from '../coarse-clock.ts';
import type { FrameReader } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

export class StalledPeer {
  readonly #clock: CoarseClock;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #readTimeoutMs: number;
  readonly #writeTimeoutMs: number;
  /** Coarse clock; 0 = none. For a frame or a field section that has begun. */
  #readDeadlineMs: number;
  /** For the peer to read what it was sent. */
  #writeDeadlineMs: number;
  #drainsSeen: number;

  constructor(
    clock: CoarseClock,
    reader: FrameReader,
    writer: FrameWriter,
    { headTimeoutMs, writeTimeoutMs }: { readonly headTimeoutMs: number; readonly writeTimeoutMs: number },
  ) {
    this.#clock = clock;
    this.#reader = reader;
    this.#writer = writer;
    this.#readTimeoutMs = headTimeoutMs;
    this.#writeTimeoutMs = writeTimeoutMs;
    this.#readDeadlineMs = 0;
    this.#writeDeadlineMs = 0;
    this.#drainsSeen = 0;
  }

  /** To be called behind each read. */
  noteRead(): void {
    if (!this.#reader.isWaiting) this.#readDeadlineMs = 0;
    else if (this.#readDeadlineMs === 0) this.#readDeadlineMs = this.#clock.nowMs + this.#readTimeoutMs;
  }

  /** To be called at each tick. @returns whether it has waited too long */
  isOverdue(nowMs: number): boolean {
    if (this.#readDeadlineMs !== 0 && nowMs >= this.#readDeadlineMs) return true;
    const { blocked, drains } = this.#writer;
    if (!blocked) this.#writeDeadlineMs = 0;
    else if (this.#writeDeadlineMs === 0 || drains !== this.#drainsSeen) {
      this.#drainsSeen = drains;
      this.#writeDeadlineMs = nowMs + this.#writeTimeoutMs;
    }
    return this.#writeDeadlineMs !== 0 && nowMs >= this.#writeDeadlineMs;
  }
}
