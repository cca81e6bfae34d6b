/** The buffers in which connections of one worker put frames together. A connection holds one only while it has output. */

/** One read from a back end (64 KiB) with the heads of its frames. */
export const OUTPUT_BUFFER_BYTES = 69_632;
const MAX_SPARE = 32;

export class OutputBuffers {
  readonly #spare: Buffer[];

  constructor() {
    this.#spare = [];
  }

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BUFFER_BYTES);
  }

  give(buffer: Buffer): void {
    if (buffer.length === OUTPUT_BUFFER_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
