/** The checksum that keys are hashed with is zlib's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import * as fc from 'fast-check';
import { crc32 } from '../../src/model/crc32.ts';

test('the check value of the algorithm', () => {
  assert.equal(crc32('123456789'), 0xcbf4_3926);
  assert.equal(crc32(''), 0);
});

test('any bytes have the checksum zlib gives them, in one piece or two', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      const [a, b] = [Buffer.from(first), Buffer.from(second)];
      const whole = Buffer.concat([a, b]);
      assert.equal(crc32(whole.toString('latin1')), zlib.crc32(whole));
      assert.equal(crc32(b.toString('latin1'), crc32(a.toString('latin1'))), zlib.crc32(whole));
    }),
  );
});
