/** Header blocks written, read back by our decoder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { HpackDecoder } from '../../../src/proxy/http2/hpack/hpack-decoder.ts';
import { encodedBound, HpackEncoder } from '../../../src/proxy/http2/hpack/hpack-encoder.ts';
import { findName, HANDLING, INDEXED, INDEXED_COUNT, KNOWN_NAMES } from '../../../src/proxy/http2/hpack/known-names.ts';
import { STATIC_NAMES } from '../../../src/proxy/http2/hpack/static-table.ts';

type Pair = readonly [name: string, value: string];

const target = Buffer.alloc(65_536);

/** One block as hexadecimal; also checks that nothing is written beyond what `encodedBound` and the comments allow. */
function encode(encoder: HpackEncoder, ...pairs: readonly Pair[]): string {
  let position = encoder.begin(target, 0);
  assert.ok(position <= 6);
  for (const [name, value] of pairs) {
    const end = encoder.field(target, position, name, value);
    assert.ok(end - position <= encodedBound(name.length, value.length));
    position = end;
  }
  return target.toString('hex', 0, position);
}

function statusBlock(status: number): string {
  return target.toString('hex', 0, new HpackEncoder().status(target, 0, status));
}

test('every known name is found by its number, and each indexed one has a slot of its own', () => {
  for (const [number, name] of KNOWN_NAMES.entries()) {
    if (number > 0) assert.equal(findName(name), KNOWN_NAMES.indexOf(name), name);
  }
  const slots = [...HANDLING].filter((handling) => handling >= INDEXED).map((handling) => handling - INDEXED);
  assert.deepEqual(
    slots.toSorted((a, b) => a - b),
    Array.from({ length: INDEXED_COUNT }, (_, at) => at),
  );
});

test('names that are not known have the number 0, also those that only look alike', () => {
  for (const name of ['x', 'x-request-id', 'dete', 'content-typ', 'Date', 'accept-longuage', ':', 'tt']) {
    assert.equal(findName(name), 0, name);
  }
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => findName(name) === Math.max(0, KNOWN_NAMES.indexOf(name))),
  );
});

test('pairs of the static table are one byte', () => {
  const pairs: readonly Pair[] = [
    [':method', 'GET'],
    [':method', 'POST'],
    [':path', '/'],
    [':path', '/index.html'],
    [':scheme', 'http'],
    [':scheme', 'https'],
    ['accept-encoding', 'gzip, deflate'],
  ];
  assert.equal(encode(new HpackEncoder(), ...pairs), '82838485868790');
});

test('statuses of the static table are one byte, others five', () => {
  assert.deepEqual([200, 204, 206, 304, 400, 404, 500].map(statusBlock), ['88', '89', '8a', '8b', '8c', '8d', '8e']);
  assert.equal(statusBlock(302), '0803333032');
  assert.equal(statusBlock(103), '0803313033');
});

test('a known name is its index, with the value as it is', () => {
  assert.equal(encode(new HpackEncoder(), ['etag', '"a"']), '0f1303226122');
  assert.equal(encode(new HpackEncoder(), [':method', 'PUT']), '0203505554');
  assert.equal(encode(new HpackEncoder(), ['via', '']), '0f2d00');
});

test('lengths from 127 on continue in further bytes', () => {
  assert.equal(encode(new HpackEncoder(), ['etag', 'e'.repeat(126)]).slice(0, 6), '0f137e');
  assert.equal(encode(new HpackEncoder(), ['etag', 'e'.repeat(127)]).slice(0, 8), '0f137f00');
  assert.equal(encode(new HpackEncoder(), ['etag', 'e'.repeat(5_000)]).slice(0, 10), '0f137f8926');
});

test('a value that comes again is added to the table, and then it is one byte', () => {
  const encoder = new HpackEncoder();
  assert.equal(encode(encoder, ['server', 'sluice']), '0f2706736c75696365');
  assert.equal(encode(encoder, ['server', 'sluice']), '7606736c75696365');
  assert.equal(encode(encoder, ['server', 'sluice']), 'be');
  encode(encoder, ['x-frame-options', 'DENY'], ['x-frame-options', 'DENY']);
  assert.equal(encode(encoder, ['server', 'sluice'], ['x-frame-options', 'DENY']), 'bfbe');
});

test('two values of a name that come by turns are both kept', () => {
  const encoder = new HpackEncoder();
  for (const value of ['text/html', 'text/html', 'image/png', 'image/png']) encode(encoder, ['content-type', value]);
  assert.equal(encode(encoder, ['content-type', 'text/html'], ['content-type', 'image/png']), 'bfbe');
  for (let time = 0; time < 2; time++) encode(encoder, ['content-type', 'text/css']);
  assert.equal(encode(encoder, ['content-type', 'text/css'], ['content-type', 'image/png']), 'bebf');
});

test('the date of the next second is added at once', () => {
  const encoder = new HpackEncoder();
  encode(encoder, ['date', 'Mon, 21 Oct 2013 20:13:21 GMT']);
  assert.equal(encode(encoder, ['date', 'Mon, 21 Oct 2013 20:13:22 GMT']).slice(0, 2), '61');
  assert.equal(encode(encoder, ['date', 'Mon, 21 Oct 2013 20:13:22 GMT']), 'be');
});

test('secrets and fields that are not known are never indexed, however often they come', () => {
  const names = ['cookie', 'set-cookie', 'authorization', 'proxy-authorization', 'x-api-key', 'x-request-id'];
  const encoder = new HpackEncoder();
  for (const name of names) {
    const blocks = [1, 2, 3].map(() => encode(encoder, [name, 'secret']));
    assert.equal(new Set(blocks).size, 1, name);
    assert.equal((blocks[0] as string)[0], '1', name);
  }
});

test('what is different each time is not added', () => {
  const encoder = new HpackEncoder();
  for (const name of [':path', 'content-length', 'etag', 'location', 'last-modified', 'age']) {
    for (let time = 0; time < 3; time++) assert.equal(encode(encoder, [name, '/same'])[0], '0', name);
  }
});

test('a value that would push out most of the table is not added', () => {
  const encoder = new HpackEncoder();
  const value = 'v'.repeat(1_000);
  for (let time = 0; time < 3; time++) assert.equal(encode(encoder, ['vary', value])[0], '0');
});

test('a smaller table of the peer is acknowledged at the next block, once', () => {
  const encoder = new HpackEncoder();
  for (let time = 0; time < 2; time++) encode(encoder, ['server', 'sluice'], ['via', 'x']);
  encoder.limitTable(79);
  assert.equal(encode(encoder, ['via', 'x']), '3f30be');
  assert.equal(encode(encoder, ['server', 'sluice'])[0], '0');
});

test('a table that was smaller in between is announced with both sizes', () => {
  const encoder = new HpackEncoder();
  for (let time = 0; time < 2; time++) encode(encoder, ['server', 'sluice']);
  encoder.limitTable(0);
  encoder.limitTable(2_000);
  encoder.limitTable(1_000);
  assert.equal(encode(encoder, ['server', 'sluice']), '203fc9077606736c75696365');
});

test('a table of size 0 is used no more', () => {
  const encoder = new HpackEncoder();
  encoder.limitTable(0);
  const blocks = [1, 2, 3].map(() => encode(encoder, ['server', 'sluice']));
  assert.deepEqual(blocks, ['200f2706736c75696365', '0f2706736c75696365', '0f2706736c75696365']);
});

test('a table larger than the usual one is not used, so nothing is to be announced', () => {
  const encoder = new HpackEncoder();
  encoder.limitTable(65_536);
  assert.equal(encode(encoder, [':method', 'GET']), '82');
});

const anyName = fc.oneof(
  fc.constantFrom(...STATIC_NAMES.slice(1)),
  fc.constantFrom(...KNOWN_NAMES.slice(1)),
  fc.stringMatching(/^[a-z0-9-]{1,20}$/),
);
const anyValue = fc.oneof(
  fc.constantFrom('', 'a', 'bb', 'GET', '/', 'sluice', 'text/html', 'gzip, deflate', 'v'.repeat(300), 'w'.repeat(300)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const anyBlock = fc.record({
  limit: fc.option(fc.oneof(fc.nat(5_000), fc.nat(200)), { freq: 4 }),
  pairs: fc.array(fc.tuple(anyName, anyValue), { maxLength: 30 }),
});

test('a decoder reads what the encoder wrote, block after block, whatever the sizes of the table', () => {
  fc.assert(
    fc.property(fc.array(anyBlock, { maxLength: 12 }), (blocks) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder(5_000, 1e6, 1_000);
      const fields: string[] = [];
      for (const { limit, pairs } of blocks) {
        if (limit !== null) encoder.limitTable(limit);
        const block = Buffer.from(encode(encoder, ...pairs), 'hex');
        assert.equal(decoder.decode(block, 0, block.length, fields), true);
        assert.deepEqual(fields, pairs.flat());
      }
    }),
    { numRuns: 500 },
  );
});
