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
  #bytes: Buffer;
  #length: number;
  #lineEnded: boolean;

  constructor(maxHeadBytes: number, maxTargetBytes: number) {
    this.headEnd = -1;
    this.start = 0;
    this.status = 0;
    this.#maxHeadBytes = maxHeadBytes;
    this.#maxTargetBytes = maxTargetBytes;
    this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#length = 0;
    this.#lineEnded = false;
  }

  /** @returns the offset in `chunk` behind what belongs to the head */
  append(chunk: Buffer, offset: number): number {
    const take = Math.min(chunk.length - offset, this.#maxHeadBytes + 4 - this.#length);
    this.#reserve(this.#length + take);
    chunk.copy(this.#bytes, this.#length, offset, offset + take);
    const scanFrom = this.#length;
    this.#length += take;
    for (let at = scanFrom; at < this.#length; at++) {
      if (this.#bytes[at] !== LF) continue;
      if (at === 0 || this.#bytes[at - 1] !== CR) return this.#refuse(400, chunk);
      if (at === this.start + 1) {
        this.start += 2;
        if (this.start > 4) return this.#refuse(400, chunk);
      } else if (at >= 3 && this.#bytes[at - 2] === LF) {
        this.headEnd = at - 3;
        return offset + (at + 1 - scanFrom);
      } else this.#lineEnded = true;
    }
    const first = this.#bytes[this.start] as number;
    if (this.#length > this.start && first !== CR && TOKEN[first] === 0) return this.#refuse(400, chunk);
    if (!this.#lineEnded && this.#length - this.start > this.#maxTargetBytes + 64) return this.#refuse(414, chunk);
    if (this.#length > this.#maxHeadBytes) return this.#refuse(431, chunk);
    return chunk.length;
  }

  /** The head as latin1 text, CRLF CRLF included; positions in it are those of this buffer. */
  text(): string {
    return this.#bytes.toString('latin1', 0, this.headEnd + 4);
  }

  #refuse(status: number, chunk: Buffer): number {
    this.status = status;
    return chunk.length;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
