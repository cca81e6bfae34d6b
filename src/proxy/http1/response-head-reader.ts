/**
 * Finds the head of a response in the reads of one connection, however it is cut, and has it parsed. Bounded and linear:
 * what was searched for the end of a head is not searched again.
 * Hot: a head that comes in one read is not copied.
 */
import { GrowingBuffer } from './growing-buffer.ts';
import type { ResponseHead } from './response-head.ts';

/** The rest of the head is still to come. */
export const HEAD_INCOMPLETE = -1;
/** Not a response, or more than is accepted. */
export const HEAD_INVALID = -2;

/** Longer heads, and those cut by a read, are found the slower way. */
const USUAL_HEAD_BYTES = 2_048;
const HEAD_END = Buffer.from('\r\n\r\n');
/** Without the CRLF CRLF at its end. */
const MAX_HEAD_BYTES = 32_768;

export class ResponseHeadReader {
  readonly #head: ResponseHead;
  /** Start of a head that comes in several reads. */
  #partial: GrowingBuffer | null;

  constructor(head: ResponseHead) {
    this.#head = head;
    this.#partial = null;
  }

  /** @returns where what follows the head begins in `buffer`, of which `[start, end)` was read, or one of the constants above */
  read(buffer: Buffer, start: number, end: number, toHead: boolean): number {
    const partial = this.#partial;
    if (partial === null) {
      // Decoding what may be the head and searching the text is twice as fast as searching the bytes and decoding then.
      const text = buffer.toString('latin1', start, Math.min(end, start + USUAL_HEAD_BYTES));
      const at = text.indexOf('\r\n\r\n');
      if (at !== -1) return this.#head.parse(text, at, toHead) ? start + at + 4 : HEAD_INVALID;
      const headEnd = buffer.indexOf(HEAD_END, start);
      if (headEnd !== -1 && headEnd + 4 <= end) {
        return this.#parse(buffer, start, headEnd, toHead) ? headEnd + 4 : HEAD_INVALID;
      }
      if (end - start >= MAX_HEAD_BYTES + 4) return HEAD_INVALID;
      if (end > start) this.#partial = new GrowingBuffer(Buffer.from(buffer.subarray(start, end)));
      return HEAD_INCOMPLETE;
    }
    const before = partial.length;
    partial.append(buffer, start, Math.min(end, start + MAX_HEAD_BYTES + 4 - before));
    const collected = partial.bytes;
    const headEnd = collected.indexOf(HEAD_END, Math.max(0, before - 3));
    if (headEnd === -1) return collected.length === MAX_HEAD_BYTES + 4 ? HEAD_INVALID : HEAD_INCOMPLETE;
    this.#partial = null;
    return this.#parse(collected, 0, headEnd, toHead) ? start + headEnd + 4 - before : HEAD_INVALID;
  }

  /** The connection is over. */
  clear(): void {
    this.#partial = null;
  }

  #parse(source: Buffer, start: number, headEnd: number, toHead: boolean): boolean {
    const length = headEnd - start;
    if (length > MAX_HEAD_BYTES) return false;
    return this.#head.parse(source.toString('latin1', start, headEnd + 4), length, toHead);
  }
}
