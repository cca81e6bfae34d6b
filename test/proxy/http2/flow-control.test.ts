/** Windows and the settings that change them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { mayGrow, ReceiveWindow } from '../../../src/proxy/http2/flow-window.ts';
import { PeerSettings } from '../../../src/proxy/http2/peer-settings.ts';

test('credit is returned in large steps, and never more than was used', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }), (pieces) => {
      const window = new ReceiveWindow(1_000, 1_000);
      for (const bytes of pieces) {
        if (bytes > window.available) {
          assert.equal(window.receive(bytes), false);
          return;
        }
        assert.equal(window.receive(bytes), true);
        const increment = window.consume(bytes);
        assert.ok(increment === 0 || increment >= 500);
        assert.ok(window.available <= 1_000 && window.available > 500);
      }
    }),
  );
});

test('a window larger than the peer knows of is owed from the start', () => {
  const window = new ReceiveWindow(1_048_576, 65_535);
  assert.equal(window.settle(), 983_041);
  assert.equal(window.available, 1_048_576);
  assert.equal(window.settle(), 0);
});

test('a window for sending has an upper end, and may be below zero', () => {
  assert.equal(mayGrow(2_147_483_646, 1), true);
  assert.equal(mayGrow(2_147_483_647, 1), false);
  assert.equal(mayGrow(-65_535, 2_147_483_647), true);
});

function entry(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

test('settings are applied in order, and unknown ones ignored', () => {
  const settings = new PeerSettings();
  const bytes = Buffer.concat([
    entry(4, 1),
    entry(4, 10),
    entry(1, 0),
    entry(99, 7),
    entry(3, 5),
    entry(6, 9),
    entry(8, 1),
  ]);
  assert.equal(settings.apply(bytes, 0, bytes.length), 0);
  assert.deepEqual(Object.fromEntries(Object.entries(settings)), {
    headerTableBytes: 0,
    maxConcurrentStreams: 5,
    initialWindowBytes: 10,
    connectProtocol: true,
  });
});

for (const [name, id, value, code] of [
  ['ENABLE_PUSH of 2', 2, 2, 1],
  ['a window that is too large', 4, 2_147_483_648, 3],
  ['frames that are too small', 5, 16_383, 1],
  ['frames that are too large', 5, 16_777_216, 1],
  ['ENABLE_CONNECT_PROTOCOL of 2', 8, 2, 1],
] as const) {
  test(`${name} is an error of the connection`, () => {
    assert.equal(new PeerSettings().apply(entry(id, value), 0, 6), code);
  });
}
