/**
 * CRC-32 of text, as zlib computes it: the hash that consistent hashing goes by, so that keys lead to the same endpoints as
 * in the nginx dialect.
 * Hot where requests are hashed: a table and no buffer, so nothing is allocated.
 */

/** Reversed 0x04C11DB7 (ISO 3309). */
const POLYNOMIAL = 0xedb8_8320;

const TABLE: Int32Array = makeTable();

/**
 * @param text one code unit a byte
 * @param before the checksum of what comes before `text`
 * @returns unsigned 32 bits
 */
export function crc32(text: string, before = 0): number {
  let crc = ~before;
  for (let at = 0; at < text.length; at++) {
    crc = (TABLE[(crc ^ text.charCodeAt(at)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** The same for the four bytes of a 32-bit integer, least significant first. */
export function crc32OfInt32(value: number, before: number): number {
  let crc = ~before;
  for (let shift = 0; shift < 32; shift += 8) {
    crc = (TABLE[(crc ^ (value >>> shift)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function makeTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
    return value;
  });
}
