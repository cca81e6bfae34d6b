/** Streams by id: whoever is there is found, whoever has left is not, and nothing is kept of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { StreamIndex } from '../../../src/proxy/http2/stream-index.ts';
import { bytesThatSurvive } from '../../support/young-survivors.ts';

/** Odd ids that crowd the same slots, and some from the far end. */
const ids = fc.oneof(
  fc.nat(40).map((at) => 2 * at + 1),
  fc.nat(6).map((at) => 32 * at + 31),
  fc.nat(3).map((at) => 0x7fff_ffff - 2 * at),
);

test('it holds what a plain map would hold', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(ids, fc.boolean()), { maxLength: 120 }), (steps) => {
      const index = new StreamIndex<string>();
      const plain = new Map<number, string>();
      for (const [id, leaves] of steps) {
        if (leaves) {
          index.remove(id);
          plain.delete(id);
        } else if (!plain.has(id)) {
          index.add(id, `stream ${id}`);
          plain.set(id, `stream ${id}`);
        }
        assert.equal(index.size, plain.size);
        assert.deepEqual(index.all().toSorted(), [...plain.values()].toSorted());
      }
      for (const [id] of steps) assert.equal(index.get(id), plain.get(id) ?? null);
      assert.equal(index.get(0), null);
    }),
    { numRuns: 500 },
  );
});

test('what is returned of all there are does not change with them', () => {
  const index = new StreamIndex<string>();
  index.add(1, 'a');
  index.add(3, 'b');
  for (const [at] of index.all().entries()) index.remove(2 * at + 1);
  assert.deepEqual(index.all(), []);
});

const STREAMS = 20_000;
const STREAM_WORDS = 100;

test('a stream that is over is gone with the young objects, however old its connection is', () => {
  const index = new StreamIndex<readonly number[]>();
  const survived = bytesThatSurvive(() => {
    for (let at = 0; at < STREAMS; at++) {
      index.add(
        2 * at + 1,
        Array.from({ length: STREAM_WORDS }, () => at),
      );
      if (at >= 3) index.remove(2 * (at - 3) + 1);
    }
  });
  assert.ok(survived < (STREAMS * STREAM_WORDS * 4) / 20, `${survived} bytes are old`);
});
