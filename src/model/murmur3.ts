/**
 * MurmurHash3 (x86, 32 bits) over the UTF-16 code units of a text, two in each block, so that nothing has to be encoded
 * first. No protection against chosen input, and none is needed: whoever chooses the input chooses what becomes of it.
 * Hot: allocates nothing.
 */

/** @returns a signed 32-bit integer, which needs no memory of its own; the same in every process */
export function murmur3(text: string, seed: number): number {
  const { length } = text;
  let hash = seed | 0;
  let at = 0;
  for (; at + 1 < length; at += 2) {
    hash ^= scramble(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  if (at < length) hash ^= scramble(text.charCodeAt(at));
  hash ^= length * 2;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
