/**
 * Finds the head of a response in the reads of one connection, however it is cut, and has it parsed. Bounded and linear:
 * what was searched for the end of a head is not searched again.
 * Hot: a head that comes in one read is not copied.
 */
import { GrowingBuffer } from './growing-buffer.ts';
import { HEAD_INCOMPLETE } from './head-end.ts';
import { HEAD_INVALID, type ResponseHead } from './response-head.ts';

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

  /** @returns where what follows the head begins in `buffer`, of which `[start, end)` was read, `HEAD_INCOMPLETE` or `HEAD_INVALID` */
  read(buffer: Buffer, start: number, end: number, toHead: boolean): number {
    const partial = this.#partial;
    if (partial !== null) return this.#readOn(partial, buffer, start, end, toHead);
    const limit = start + MAX_HEAD_BYTES + HEAD_END.length;
    const behind = this.#head.parse(buffer, start, Math.min(end, limit), toHead);
    if (behind !== HEAD_INCOMPLETE) return behind;
    if (end >= limit) return HEAD_INVALID;
    if (end > start) this.#partial = new GrowingBuffer(Buffer.from(buffer.subarray(start, end)));
    return HEAD_INCOMPLETE;
  }

  /** The connection is over. */
  clear(): void {
    this.#partial = null;
  }

  #readOn(partial: GrowingBuffer, buffer: Buffer, start: number, end: number, toHead: boolean): number {
    const before = partial.length;
    partial.append(buffer, start, Math.min(end, start + MAX_HEAD_BYTES + HEAD_END.length - before));
    const collected = partial.bytes;
    const headEnd = collected.indexOf(HEAD_END, Math.max(0, before - 3));
    if (headEnd === -1) return collected.length === MAX_HEAD_BYTES + HEAD_END.length ? HEAD_INVALID : HEAD_INCOMPLETE;
    this.#partial = null;
    const behind = this.#head.parse(collected, 0, headEnd + HEAD_END.length, toHead);
    return behind < 0 ? behind : start + behind - before;
  }
}
