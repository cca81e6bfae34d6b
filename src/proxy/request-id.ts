/** Random request ids of 32 hex digits, drawn in blocks so that one costs a slice instead of a call into the kernel. */
import { randomFillSync } from 'node:crypto';

const ID_DIGITS = 32;
const IDS_PER_BLOCK = 256;

export class RequestIds {
  readonly #bytes: Buffer;
  #digits: string;
  #next: number;

  constructor() {
    this.#bytes = Buffer.alloc((ID_DIGITS / 2) * IDS_PER_BLOCK);
    this.#digits = '';
    this.#next = 0;
  }

  next(): string {
    if (this.#next === this.#digits.length) {
      randomFillSync(this.#bytes);
      this.#digits = this.#bytes.toString('hex');
      this.#next = 0;
    }
    const id = this.#digits.slice(this.#next, this.#next + ID_DIGITS);
    this.#next += ID_DIGITS;
    return id;
  }
}
