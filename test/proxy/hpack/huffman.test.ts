/** The Huffman code of HPACK: complete, reversible, strict about its padding. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CODE_LENGTHS, CODES, decodeHuffman } from '../../../src/proxy/http2/hpack/huffman.ts';
import { bitString, huffman } from '../../support/hpack-blocks.ts';

const EOS = '1'.repeat(30);
const target = Buffer.alloc(4096);

/** What the bytes mean; null when they are no valid code. */
function decode(bytes: Buffer, limit = target.length): string | null {
  const length = decodeHuffman(bytes, 0, bytes.length, target, limit);
  return length === -1 ? null : target.toString('latin1', 0, length);
}

test('the code is complete: its lengths and that of EOS leave no bit pattern without a meaning', () => {
  let sum = 2 ** -30;
  for (const bits of CODE_LENGTHS) sum += 2 ** -bits;
  assert.equal(sum, 1);
});

test('some codes are those of RFC 7541 Appendix B', () => {
  const codes: readonly (readonly [symbol: number, code: number, bits: number])[] = [
    [0, 0x1ff8, 13],
    [10, 0x3ffffffc, 30],
    [22, 0x3ffffffe, 30],
    [32, 0x14, 6],
    [48, 0x0, 5],
    [92, 0x7fff0, 19],
    [122, 0x7b, 7],
    [127, 0xffffffc, 28],
    [249, 0xffffffe, 28],
    [255, 0x3ffffee, 26],
  ];
  for (const [symbol, code, bits] of codes) {
    assert.equal(CODES[symbol], code, String(symbol));
    assert.equal(CODE_LENGTHS[symbol], bits, String(symbol));
  }
});

test('every text survives being coded and decoded', () => {
  const text = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  fc.assert(fc.property(text, (value) => assert.equal(decode(huffman(value)), value)));
});

test('decoding arbitrary bytes ends with the one text that is coded like this, or with a refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const text = decode(Buffer.from(bytes));
      if (text !== null) assert.deepEqual(huffman(text), Buffer.from(bytes));
    }),
    { numRuns: 2_000 },
  );
});

const refused: readonly { readonly name: string; readonly bits: string }[] = [
  { name: 'padding of eight ones', bits: '1'.repeat(8) },
  { name: 'padding of eight ones behind a symbol', bits: `${'0'.repeat(5)}${'1'.repeat(11)}` },
  { name: 'padding that is not all ones', bits: '00000110' },
  { name: 'padding of zeros', bits: '00000000' },
  { name: 'EOS', bits: `${EOS}11` },
  { name: 'EOS between symbols', bits: `00000${EOS}${'0'.repeat(5)}` },
];

for (const { name, bits } of refused) {
  test(`${name} is refused`, () => assert.equal(decode(bitString(bits)), null));
}

test('none to seven ones are padding, and nothing else is', () => {
  for (let symbols = 1; symbols <= 8; symbols++) {
    const bits = '00000'.repeat(symbols);
    const padding = (8 - (bits.length % 8)) % 8;
    assert.equal(decode(bitString(bits + '1'.repeat(padding))), '0'.repeat(symbols));
    assert.equal(decode(bitString(bits + '1'.repeat(padding + 8))), null);
    if (padding > 0) assert.equal(decode(bitString(`${bits}${'1'.repeat(padding - 1)}0`)), null);
  }
});

test('what goes beyond the limit is counted but not written', () => {
  const coded = huffman('0123456789');
  target.fill(0);
  assert.equal(decodeHuffman(coded, 0, coded.length, target, 4), 10);
  assert.equal(target.toString('latin1', 0, 5), '0123\0');
});

test('only the given range is read', () => {
  const coded = Buffer.concat([Buffer.from([0xff]), huffman('abc'), Buffer.from([0xff, 0xff])]);
  assert.equal(decodeHuffman(coded, 1, coded.length - 2, target, 10), 3);
});
