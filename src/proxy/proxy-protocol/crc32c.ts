/** CRC32C (Castagnoli), the checksum of PROXY protocol version 2; `node:zlib` only has the polynomial of gzip. */

/** 0x1EDC6F41 with its bits in reverse. */
const POLYNOMIAL = 0x82f63b78;

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  return remainder >>> 0;
});

/** Unsigned 32 bits. */
export function crc32c(bytes: Uint8Array): number {
  let remainder = -1;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ byte) & 255] as number);
  return ~remainder >>> 0;
}
