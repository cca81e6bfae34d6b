/**
 * Memory for body bytes on their way out: what one socket has read must be copied before the next read, and a fresh buffer
 * for each copy costs more than the copy. Buffers come back when the kernel has taken their bytes.
 * Hot.
 */

/** Chunk framing, or a short head, in front of and behind the bytes of one read. */
const FRAMING_BYTES = 1_024;
/** 64 slow peers use as many at once; what is above that is left to the garbage collector. */
const MAX_SPARE = 64;

export class WriteBuffers {
  readonly #bytes: number;
  readonly #spare: Buffer[];

  /** @param readBytes the most that one read brings */
  constructor(readBytes: number) {
    this.#bytes = readBytes + FRAMING_BYTES;
    this.#spare = [];
  }

  /** Holds at least `bytes`, and whatever it held before. */
  take(bytes: number): Buffer {
    if (bytes > this.#bytes) return Buffer.allocUnsafeSlow(bytes);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === this.#bytes && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
