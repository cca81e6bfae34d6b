/** Header blocks read: what they mean, what is refused, and that memory is bounded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { HpackDecoder } from '../../../src/proxy/http2/hpack/hpack-decoder.ts';
import { STATIC_NAMES, STATIC_VALUES } from '../../../src/proxy/http2/hpack/static-table.ts';
import { added, codedString, indexed, integer, literal, plainString, sizeUpdate } from '../../support/hpack-blocks.ts';
import { EXAMPLES } from './rfc-vectors.ts';

const TABLE = 4096;

function makeDecoder(maxListBytes = 65_536, maxFields = 100): HpackDecoder {
  return new HpackDecoder(TABLE, maxListBytes, maxFields);
}

/** The fields of a block; null when it is an error. */
function decode(decoder: HpackDecoder, ...parts: readonly Buffer[]): readonly string[] | null {
  const block = Buffer.concat(parts);
  const fields = ['left', 'over'];
  return decoder.decode(block, 0, block.length, fields) ? fields : null;
}

for (const example of EXAMPLES) {
  test(`RFC 7541 ${example.section}`, () => {
    const decoder = new HpackDecoder(example.tableBytes, 65_536, 100);
    for (const { hex, fields } of example.blocks) assert.deepEqual(decode(decoder, Buffer.from(hex, 'hex')), fields);
  });
}

test('an empty block has no fields', () => assert.deepEqual(decode(makeDecoder()), []));

test('each index of the static table is its entry', () => {
  assert.equal(STATIC_NAMES.length, 62);
  for (let index = 1; index <= 61; index++) {
    assert.deepEqual(decode(makeDecoder(), indexed(index)), [STATIC_NAMES[index], STATIC_VALUES[index]]);
  }
});

const errors: readonly { readonly name: string; readonly block: Buffer }[] = [
  { name: 'index 0', block: indexed(0) },
  { name: 'an index beyond the table', block: indexed(62) },
  { name: 'a name index beyond the table', block: Buffer.concat([integer(0, 4, 62), plainString('x')]) },
  { name: 'an integer without end', block: Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]) },
  { name: 'an integer that is padded with zeros', block: Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80, 0x00]) },
  { name: 'an integer that is cut off', block: Buffer.from([0xff, 0x80]) },
  { name: 'an integer that is missing', block: Buffer.from([0xff]) },
  { name: 'a literal without name', block: Buffer.from([0x00]) },
  { name: 'a literal without value', block: Buffer.concat([Buffer.from([0]), plainString('name')]) },
  { name: 'a name index without value', block: integer(0x40, 6, 15) },
  { name: 'a string beyond the end', block: Buffer.from([0x00, 0x05, 0x61]) },
  { name: 'a length beyond 2^28', block: Buffer.from([0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f]) },
  {
    name: 'a length that would wrap',
    block: Buffer.from([0x00, 0x7f, 0x81, 0xff, 0xff, 0xff, 0x0f, 0x61, 0x01, 0x62]),
  },
  { name: 'a name that is no Huffman code', block: Buffer.from([0x00, 0x81, 0xff, 0x01, 0x62]) },
  { name: 'a value that is no Huffman code', block: Buffer.from([0x00, 0x01, 0x61, 0x81, 0xff]) },
  { name: 'a size update above our setting', block: sizeUpdate(TABLE + 1) },
  { name: 'a size update behind a field', block: Buffer.concat([indexed(2), sizeUpdate(100)]) },
  { name: 'a size update that is cut off', block: Buffer.from([0x3f]) },
];

for (const { name, block } of errors) {
  test(`${name} is an error, and leaves no fields`, () => {
    const fields = ['left', 'over'];
    assert.equal(makeDecoder().decode(block, 0, block.length, fields), false);
    assert.deepEqual(fields, []);
  });
}

test('only the given range is read', () => {
  const block = Buffer.concat([Buffer.from([0]), indexed(2), indexed(4), Buffer.from([0])]);
  const fields: string[] = [];
  assert.equal(makeDecoder().decode(block, 1, 3, fields), true);
  assert.deepEqual(fields, [':method', 'GET', ':path', '/']);
});

test('bytes above 127 are one code unit each, coded or not', () => {
  const text = 'ä\u0080ÿ and more than twelve of them ÿ';
  const coded = Buffer.concat([Buffer.from([0]), codedString('x'), codedString(text)]);
  assert.deepEqual(decode(makeDecoder(), literal('x', text), coded), ['x', text, 'x', text]);
});

test('the newest entry has the lowest index, and the oldest leave first', () => {
  const decoder = makeDecoder();
  const value = 'v'.repeat(1_000);
  decode(decoder, added('a', value), added('b', value), added('c', value));
  assert.deepEqual(decode(decoder, indexed(62), indexed(63), indexed(64)), ['c', value, 'b', value, 'a', value]);
  decode(decoder, added('d', value));
  assert.deepEqual(decode(decoder, indexed(62), indexed(64)), ['d', value, 'b', value]);
  assert.equal(decode(decoder, indexed(65)), null);
});

test('many small entries go round the ring', () => {
  const decoder = makeDecoder();
  for (let at = 0; at < 1_000; at++) decode(decoder, added('n', String(at % 10)));
  const kept = Math.floor(TABLE / 34);
  assert.deepEqual(decode(decoder, indexed(61 + kept)), ['n', String((1_000 - kept) % 10)]);
  assert.equal(decode(decoder, indexed(62 + kept)), null);
});

test('entries of nothing but overhead fill the ring to its last place', () => {
  const decoder = makeDecoder();
  for (let at = 0; at < 300; at++) decode(decoder, added('', ''));
  assert.deepEqual(decode(decoder, indexed(61 + 128)), ['', '']);
  assert.equal(decode(decoder, indexed(62 + 128)), null);
});

test('the name of an entry may be that of one that leaves for it', () => {
  const decoder = makeDecoder();
  decode(decoder, added('name', 'v'.repeat(4_000)));
  const block = [integer(0x40, 6, 62), plainString('w'.repeat(4_000))];
  assert.deepEqual(decode(decoder, ...block), ['name', 'w'.repeat(4_000)]);
  assert.deepEqual(decode(decoder, indexed(62)), ['name', 'w'.repeat(4_000)]);
});

test('an entry larger than the table empties it, and is no error', () => {
  const decoder = makeDecoder();
  decode(decoder, added('a', 'b'));
  assert.deepEqual(decode(decoder, added('c', 'v'.repeat(5_000))), ['c', 'v'.repeat(5_000)]);
  assert.equal(decode(decoder, indexed(62)), null);
});

test('a size update evicts, and several may stand at the start of a block', () => {
  const decoder = makeDecoder();
  decode(decoder, added('a', 'b'), added('c', 'd'));
  assert.deepEqual(decode(decoder, sizeUpdate(40), sizeUpdate(TABLE), indexed(62)), ['c', 'd']);
  assert.equal(decode(decoder, indexed(63)), null);
});

test('with a table of size 0 nothing is kept', () => {
  const decoder = makeDecoder();
  assert.deepEqual(decode(decoder, sizeUpdate(0), added('a', 'b')), ['a', 'b']);
  assert.equal(decode(decoder, indexed(62)), null);
});

test('a list at its limit is kept whole, one byte more makes it oversized', () => {
  const decoder = makeDecoder(2 * 34, 100);
  assert.deepEqual(decode(decoder, literal('a', 'b'), literal('c', 'd')), ['a', 'b', 'c', 'd']);
  assert.equal(decoder.oversized, false);
  assert.deepEqual(decode(decoder, literal('a', 'b'), literal('c', 'de')), ['a', 'b']);
  assert.equal(decoder.oversized, true);
});

test('fields behind the one that was too much are not kept, even if they would fit', () => {
  const decoder = makeDecoder(100, 100);
  assert.deepEqual(decode(decoder, literal('a', 'b'), literal('c', 'd'.repeat(90)), literal('e', 'f')), ['a', 'b']);
});

test('more fields than allowed make a list oversized', () => {
  const decoder = makeDecoder(65_536, 2);
  assert.deepEqual(decode(decoder, indexed(2), indexed(4), indexed(6)), [':method', 'GET', ':path', '/']);
  assert.equal(decoder.oversized, true);
  assert.deepEqual(decode(decoder, indexed(2)), [':method', 'GET']);
  assert.equal(decoder.oversized, false);
});

test('the table stays in step through an oversized list', () => {
  const decoder = makeDecoder(64, 100);
  decode(decoder, literal('x', 'y'.repeat(100)), added('a', 'b'));
  assert.equal(decoder.oversized, true);
  assert.deepEqual(decode(decoder, indexed(62)), ['a', 'b']);
});

test('an error behind the limits is still one', () => {
  assert.equal(decode(makeDecoder(64, 100), literal('x', 'y'.repeat(100)), indexed(0)), null);
});

test('strings longer than list and table are counted but not made, and empty the table if they were to be added', () => {
  const decoder = makeDecoder(1_000, 100);
  decode(decoder, added('a', 'b'));
  const huge = Buffer.concat([Buffer.from([0x40]), codedString('name'), codedString('0'.repeat(6_000))]);
  assert.deepEqual(decode(decoder, huge), []);
  assert.equal(decoder.oversized, true);
  assert.equal(decode(decoder, indexed(62)), null);
});

test('references to one large entry cannot grow a list beyond its limit', () => {
  const decoder = makeDecoder(16_384, 100);
  const references = Array.from({ length: 1_000 }, () => indexed(62));
  const fields = decode(decoder, added('a', 'v'.repeat(4_000)), ...references);
  assert.equal(fields?.length, 8);
  assert.equal(decoder.oversized, true);
});

test('arbitrary bytes never throw, and what is kept is within the limits', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 6 }), (blocks) => {
      const decoder = makeDecoder(400, 8);
      const fields: string[] = [];
      for (const bytes of blocks) {
        const went = decoder.decode(Buffer.from(bytes), 0, bytes.length, fields);
        if (!went) assert.equal(fields.length, 0);
        assert.ok(fields.length <= 16);
        assert.ok(fields.join('').length + fields.length * 16 <= 400);
        for (const text of fields) assert.equal(typeof text, 'string');
        if (!went) break;
      }
    }),
    { numRuns: 3_000 },
  );
});
