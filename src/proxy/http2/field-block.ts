/**
 * The bytes of a field block that came in several reads or frames, bounded by its reader, and what stands around the
 * fragment in a HEADERS frame (RFC 9113 §6.2).
 */
import { FLAG_PADDED, FLAG_PRIORITY } from './frame-constants.ts';

const INITIAL_BYTES = 1_024;
/** A buffer up to this size stays with its connection. */
const KEPT_BYTES = 4_096;
const PRIORITY_BYTES = 5;
const NOTHING: Buffer = Buffer.alloc(0);

export class FieldBlock {
  bytes: Buffer;
  length: number;

  constructor() {
    this.bytes = NOTHING;
    this.length = 0;
  }

  /** @param expected bytes of this piece and those that are known to follow it */
  append(buffer: Buffer, start: number, end: number, expected: number): void {
    const needed = this.length + expected;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2, INITIAL_BYTES));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    buffer.copy(this.bytes, this.length, start, end);
    this.length += end - start;
  }

  /** Keeps bytes `[start, end)` only. */
  cut(start: number, end: number): void {
    this.bytes.copyWithin(0, start, end);
    this.length = end - start;
  }

  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = NOTHING;
  }
}

/** @returns where the fragment in the payload `[start, end)` of a HEADERS frame begins; may be beyond `end` */
export function fragmentStart(flags: number, start: number): number {
  return start + ((flags & FLAG_PADDED) === 0 ? 0 : 1) + ((flags & FLAG_PRIORITY) === 0 ? 0 : PRIORITY_BYTES);
}

/** @returns where it ends; before its start when the padding is longer than the frame */
export function fragmentEnd(flags: number, buffer: Buffer, start: number, end: number): number {
  return (flags & FLAG_PADDED) === 0 ? end : end - (buffer[start] as number);
}
