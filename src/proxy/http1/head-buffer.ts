/**
 * Collects a request head that arrives in several reads. Bounded, linear (what was scanned is not scanned again), and
 * quick to refuse what can never become a head.
 */
import { CR, LF, TOKEN } from './char-classes.ts';

const INITIAL_BYTES = 1_024;

export class HeadBuffer {
  /** Where the CRLF CRLF begins; -1 = not complete. */
  headEnd: number;
  /** Where the request line begins: behind skipped empty lines. */
  start: number;
  /** Not 0: the head must be refused with this. */
  status: number;
  readonly #maxHeadBytes: number;
  readonly #maxTargetBytes: number;
  readonly #maxSkippedBytes: number;
  #bytes: Buffer;
  #length: number;
  #lineEnded: boolean;

  /** @param maxSkippedBytes how much of empty lines may precede the head */
  constructor(maxHeadBytes: number, maxTargetBytes: number, maxSkippedBytes: number) {
    this.headEnd = -1;
    this.start = 0;
    this.status = 0;
    this.#maxHeadBytes = maxHeadBytes;
    this.#maxTargetBytes = maxTargetBytes;
    this.#maxSkippedBytes = maxSkippedBytes;
    this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#length = 0;
    this.#lineEnded = false;
  }

  /** Bytes `[offset, end)` of `chunk` came. @returns the offset behind what belongs to the head */
  append(chunk: Buffer, offset: number, end: number): number {
    // Empty lines before the head do not count, so that the limit is the same however the bytes come.
    const take = Math.min(end - offset, this.#maxHeadBytes + this.#maxSkippedBytes - this.#length);
    this.#reserve(this.#length + take);
    chunk.copy(this.#bytes, this.#length, offset, offset + take);
    const scanFrom = this.#length;
    this.#length += take;
    for (let at = scanFrom; at < this.#length; at++) {
      if (this.#bytes[at] !== LF) continue;
      if (at === 0 || this.#bytes[at - 1] !== CR) return this.#refuse(400, end);
      if (at === this.start + 1) {
        this.start += 2;
        if (this.start > this.#maxSkippedBytes) return this.#refuse(400, end);
      } else if (at >= 3 && this.#bytes[at - 2] === LF) {
        if (at + 1 - this.start > this.#maxHeadBytes) return this.#refuse(431, end);
        this.headEnd = at - 3;
        return offset + (at + 1 - scanFrom);
      } else if (!this.#lineEnded) {
        if (this.#isLineTooLong(at)) return this.#refuse(414, end);
        this.#lineEnded = true;
      }
    }
    const first = this.#bytes[this.start] as number;
    if (this.#length > this.start && first !== CR && TOKEN[first] === 0) return this.#refuse(400, end);
    if (!this.#lineEnded && this.#isLineTooLong(this.#length)) return this.#refuse(414, end);
    if (this.#length - this.start >= this.#maxHeadBytes) return this.#refuse(431, end);
    return end;
  }

  /** What was collected; positions of the head are those here. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Longer than any method, the longest target and a version together. */
  #isLineTooLong(lineEnd: number): boolean {
    return lineEnd - this.start > this.#maxTargetBytes + 64;
  }

  #refuse(status: number, end: number): number {
    this.status = status;
    return end;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
