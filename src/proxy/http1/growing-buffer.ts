/**
 * Bytes that come in several reads, in one buffer that doubles when it is full: each byte is copied a bounded number of
 * times however small the reads are, where joining buffers at every read would be quadratic.
 */
export class GrowingBuffer {
  length: number;
  #bytes: Buffer;

  /** @param first belongs to this buffer from now on, and is not written to */
  constructor(first: Buffer) {
    this.length = first.length;
    this.#bytes = first;
  }

  /** All of it, valid until the next `append`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  append(source: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(length * 2);
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    source.copy(this.#bytes, this.length, start, end);
    this.length = length;
  }
}
