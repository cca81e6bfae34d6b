/** Bytes that come piece by piece: put together in order, and never copied again and again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { GrowingBuffer } from '../../src/proxy/http1/growing-buffer.ts';

test('any pieces give what they are in a row, and the first one is not written to', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 20 }), (pieces) => {
      const buffers = pieces.map((piece) => Buffer.from(piece));
      const [first = Buffer.alloc(0), ...rest] = buffers;
      const growing = new GrowingBuffer(first);
      const before = Buffer.from(first);
      // As in a real read, a piece is a part of something larger.
      for (const piece of rest)
        growing.append(Buffer.concat([Buffer.from('<'), piece, Buffer.from('>')]), 1, piece.length + 1);
      assert.ok(growing.bytes.equals(Buffer.concat(buffers)));
      assert.equal(growing.length, growing.bytes.length);
      assert.ok(first.equals(before));
    }),
  );
});

test('collecting single bytes allocates a small multiple of them', (t: TestContext) => {
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
  let allocated = 0;
  t.mock.method(Buffer, 'allocUnsafeSlow', (bytes: number) => {
    allocated += bytes;
    return allocate(bytes);
  });
  const growing = new GrowingBuffer(Buffer.from('x'));
  const byte = Buffer.from('x');
  for (let count = 1; count < 32_768; count++) growing.append(byte, 0, 1);
  assert.equal(growing.length, 32_768);
  assert.ok(allocated <= 4 * 32_768, `${allocated} bytes`);
});
