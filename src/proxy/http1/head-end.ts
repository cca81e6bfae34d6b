/** Where a message head ends (RFC 9112 §2.1), and what to say where it does not. */

/** What was read does not hold the whole head. */
export const HEAD_INCOMPLETE = -1;

const EMPTY_LINE = Buffer.from('\r\n\r\n');

/** Whether one ends in bytes `[start, end)`. For heads that cannot be read: whoever reads one finds its end on the way. */
export function hasHeadEnd(bytes: Buffer, start: number, end: number): boolean {
  return bytes.subarray(start, end).includes(EMPTY_LINE);
}
