/** Bytes that wait for the other side: one buffer that grows, so that many small pieces cost no more than one large. */

const INITIAL_BYTES = 4_096;
const NOTHING: Buffer = Buffer.alloc(0);

export class ByteQueue {
  bytes: Buffer;
  /** What waits is `[start, end)` of `bytes`. */
  start: number;
  end: number;

  constructor() {
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  get length(): number {
    return this.end - this.start;
  }

  append(buffer: Buffer, start: number, end: number): void {
    const added = end - start;
    if (this.end + added > this.bytes.length) this.#makeRoom(added);
    buffer.copy(this.bytes, this.end, start, end);
    this.end += added;
  }

  /** The first bytes are done with. */
  drop(count: number): void {
    this.start += count;
    if (this.start === this.end) this.clear();
  }

  /** All that waits, which becomes the caller's. */
  takeAll(): Buffer {
    const all = this.bytes.subarray(this.start, this.end);
    this.clear();
    return all;
  }

  clear(): void {
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  #makeRoom(added: number): void {
    const { length } = this;
    const needed = length + added;
    const grown = needed * 2 <= this.bytes.length ? this.bytes : Buffer.allocUnsafeSlow(growth(needed));
    this.bytes.copy(grown, 0, this.start, this.end);
    this.bytes = grown;
    this.start = 0;
    this.end = length;
  }
}

function growth(needed: number): number {
  let size = INITIAL_BYTES;
  while (size < needed) size *= 2;
  return size;
}
