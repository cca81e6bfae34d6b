/** Bodies whose every byte says whose they are: a byte of somebody else's, or one in the wrong place, is seen at once. */
import { createHash } from 'node:crypto';

/** A prime, so that it falls in step with no buffer. */
const BLOCK_BYTES = 65_521;

export class Pattern {
  readonly #block: Buffer;

  /** @param name of whose bytes these are */
  constructor(name: string) {
    this.#block = createHash('shake128', { outputLength: BLOCK_BYTES }).update(name).digest();
  }

  /** Bytes `[start, start + length)`. */
  bytes(start: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const from = (start + at) % BLOCK_BYTES;
      at += this.#block.copy(bytes, at, from, Math.min(BLOCK_BYTES, from + length - at));
    }
    return bytes;
  }

  /** Offset of the first byte of `piece` that is not what stands at `start`; -1 = all are. */
  firstDifference(start: number, piece: Buffer): number {
    const expected = this.bytes(start, piece.length);
    return piece.equals(expected) ? -1 : piece.findIndex((byte, at) => byte !== expected[at]);
  }
}
