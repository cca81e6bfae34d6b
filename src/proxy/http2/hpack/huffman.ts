/**
 * The Huffman code of HPACK (RFC 7541 §5.2, Appendix B). Decoding goes byte by byte through a table of states that is
 * built when the module is loaded.
 * Hot: guarded by `bench/micro/hpack.bench.ts`.
 */

/**
 * The symbols by the length of their code, as hexadecimal ranges. The code is canonical (codes of one length are
 * consecutive in the order of the symbols, shorter codes come first), so that lengths say all. EOS (30 bits) is not
 * among them: it is what remains.
 */
const SYMBOLS_BY_LENGTH: readonly (readonly [bits: number, symbols: string])[] = [
  [5, '30-32 61 63 65 69 6f 73-74'],
  [6, '20 25 2d-2f 33-39 3d 41 5f 62 64 66-68 6c-6e 70 72 75'],
  [7, '3a 42-57 59 6a-6b 71 76-7a'],
  [8, '26 2a 2c 3b 58 5a'],
  [10, '21-22 28-29 3f'],
  [11, '27 2b 7c'],
  [12, '23 3e'],
  [13, '00 24 40 5b 5d 7e'],
  [14, '5e 7d'],
  [15, '3c 60 7b'],
  [19, '5c c3 d0'],
  [20, '80 82-83 a2 b8 c2 e0 e2'],
  [21, '99 a1 a7 ac b0-b1 b3 d1 d8-d9 e3 e5-e6'],
  [22, '81 84-86 88 92 9a 9c a0 a3-a4 a9-aa ad b2 b5 b9-bb bd-be c4 c6 e4 e8-e9'],
  [23, '01 87 89-8d 8f 93 95-98 9b 9d-9e a5-a6 a8 ae-af b4 b6-b7 bc bf c5 e7 ef'],
  [24, '09 8e 90-91 94 9f ab ce d7 e1 ec-ed'],
  [25, 'c7 cf ea-eb'],
  [26, 'c0-c1 c8-ca cd d2 d5 da-db ee f0 f2-f3 ff'],
  [27, 'cb-cc d3-d4 d6 dd-df f1 f4-f8 fa-fe'],
  [28, '02-08 0b-0c 0e-15 17-1f 7f dc f9'],
  [30, '0a 0d 16'],
];

/** Bits of each symbol's code. */
export const CODE_LENGTHS: Uint8Array = new Uint8Array(256);
/** Each symbol's code, in the low bits. */
export const CODES: Uint32Array = new Uint32Array(256);

/** Inner nodes of the tree: one less than its 257 leaves. The root is state 0. */
const STATES = 256;

/** An entry of `STEPS`: next state, first and second symbol in a byte each, then how many symbols there are. */
const FIRST_SHIFT = 8;
const SECOND_SHIFT = 16;
const COUNT_SHIFT = 24;
/** No entry: the bits lead to EOS, which must not appear (RFC 7541 §5.2). */
const INVALID = 0xffffffff;

/** By state and byte. A code has at least 5 bits, so one byte ends at most two. */
const STEPS: Uint32Array = new Uint32Array(STATES * 256);
/** 1 for the states a string may end in: the root, and up to 7 one bits below it (padding). */
const MAY_END: Uint8Array = new Uint8Array(STATES);

/** Children of inner nodes, `[0, 1]` by turns: another inner node, a leaf (`~symbol`), or EOS. */
const EOS = -257;

buildCodes();
buildSteps(buildTree());

/**
 * Decodes `bytes[start, end)` into `target`, which must have room for `limit` bytes; what goes beyond that is checked and
 * counted but not written.
 * @returns the decoded length, possibly more than `limit`; -1 if this is no valid code (EOS, or padding that is longer
 * than 7 bits or not all ones)
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number, target: Buffer, limit: number): number {
  let state = 0;
  let length = 0;
  for (let pos = start; pos < end; pos++) {
    const step = STEPS[(state << 8) | (bytes[pos] as number)] as number;
    if (step === INVALID) return -1;
    state = step & 0xff;
    const count = step >>> COUNT_SHIFT;
    if (count !== 0) {
      if (length < limit) target[length] = (step >>> FIRST_SHIFT) & 0xff;
      length++;
      if (count === 2) {
        if (length < limit) target[length] = (step >>> SECOND_SHIFT) & 0xff;
        length++;
      }
    }
  }
  return MAY_END[state] === 1 ? length : -1;
}

function buildCodes(): void {
  let code = 0;
  let bits = 0;
  for (const [length, symbols] of SYMBOLS_BY_LENGTH) {
    code <<= length - bits;
    bits = length;
    for (const range of symbols.split(' ')) {
      const [first = '', last = first] = range.split('-');
      for (let symbol = Number.parseInt(first, 16); symbol <= Number.parseInt(last, 16); symbol++) {
        CODE_LENGTHS[symbol] = length;
        CODES[symbol] = code++;
      }
    }
  }
}

/** Inner nodes are numbered as they are first needed; a place nothing was put in is EOS. */
function buildTree(): Int32Array {
  const children = new Int32Array(STATES * 2).fill(EOS);
  let nodes = 1;
  MAY_END[0] = 1;
  for (let symbol = 0; symbol < 256; symbol++) {
    const length = CODE_LENGTHS[symbol] as number;
    const code = CODES[symbol] as number;
    let node = 0;
    let ones = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const turn = (code >>> bit) & 1;
      const place = node * 2 + turn;
      if (children[place] === EOS) children[place] = nodes++;
      node = children[place] as number;
      if (turn === 1 && ones === length - 1 - bit) ones++;
      if (ones === length - bit && ones <= 7) MAY_END[node] = 1;
    }
    children[node * 2 + (code & 1)] = ~symbol;
  }
  return children;
}

function buildSteps(children: Int32Array): void {
  for (let state = 0; state < STATES; state++) {
    for (let byte = 0; byte < 256; byte++) STEPS[(state << 8) | byte] = walk(children, state, byte);
  }
}

function walk(children: Int32Array, from: number, byte: number): number {
  let state = from;
  let symbols = 0;
  let count = 0;
  for (let bit = 7; bit >= 0; bit--) {
    const next = children[state * 2 + ((byte >>> bit) & 1)] as number;
    if (next === EOS) return INVALID;
    if (next >= 0) {
      state = next;
      continue;
    }
    symbols |= ~next << (count === 0 ? FIRST_SHIFT : SECOND_SHIFT);
    count++;
    state = 0;
  }
  return (symbols | (count << COUNT_SHIFT) | state) >>> 0;
}
