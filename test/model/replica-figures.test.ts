/** What replicas tell each other: whole again after the way, and nothing but sense from what others may have written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LATENCY_BUCKET_COUNT } from '../../src/model/release.ts';
import {
  formatReplicaFigures,
  MAX_REPLICA_TEXT,
  parseReplicaFigures,
  type ReplicaFigures,
} from '../../src/model/replica-figures.ts';
import { figures, side } from '../support/release.ts';

const ROW: ReplicaFigures = {
  revision: 'a1',
  step: 2,
  figures: figures(side(9_500, 10), side(500, 1, 900)),
  stopped: '',
};

test('what was told is heard', () => {
  const stopped = { ...ROW, figures: figures(side(0, 0), side(3, 3)), stopped: 'errors: 100 % of 3 requests' };
  assert.deepEqual(parseReplicaFigures(formatReplicaFigures([ROW])), [ROW]);
  assert.deepEqual(parseReplicaFigures(formatReplicaFigures([ROW, stopped])), [stopped, ROW]);
  assert.ok(formatReplicaFigures([ROW]).length < 150, formatReplicaFigures([ROW]));
});

test('what does not fit is left out, and what was stopped goes first', () => {
  const rows = Array.from({ length: 3_000 }, (_, at) => ({
    ...ROW,
    figures: { ...ROW.figures, id: `shop/canary-${at}` },
  }));
  const text = formatReplicaFigures([...rows, { ...ROW, stopped: 'bad' }]);
  assert.ok(text.length <= MAX_REPLICA_TEXT);
  const heard = parseReplicaFigures(text);
  assert.equal(heard[0]?.stopped, 'bad');
  assert.ok(heard.length > 1_000 && heard.length < 3_000);
});

const SANE = { id: 'a', revision: 'a1', step: 0, stable: [5, 1, 3, 4], canary: [0, 0], stopped: '' };
const senseless: readonly (readonly [name: string, part: Readonly<Record<string, unknown>>])[] = [
  ['no id', { id: 7 }],
  ['a long id', { id: 'x'.repeat(2_000) }],
  ['a step that is none', { step: -1 }],
  ['more failures than requests', { stable: [1, 2] }],
  ['more answers than requests', { stable: [5, 1, 3, 5] }],
  ['a bucket that does not exist', { stable: [5, 1, LATENCY_BUCKET_COUNT, 4] }],
  ['a bucket twice', { stable: [5, 1, 3, 2, 3, 2] }],
  ['half a pair', { stable: [5, 1, 3] }],
  ['fractions', { stable: [5.5, 1] }],
  ['no reason', { stopped: null }],
  ['a long reason', { stopped: 'x'.repeat(1_000) }],
];

for (const [name, part] of senseless) {
  test(`a row with ${name} is passed over`, () => {
    const heard = parseReplicaFigures(JSON.stringify([{ ...SANE, ...part }, SANE]));
    assert.deepEqual(
      heard.map(({ figures: { id } }) => id),
      ['a'],
    );
  });
}

test('whatever text is there, reading it ends well', () => {
  const json = fc.json({ maxDepth: 4 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), json), (text) => {
      for (const { figures: heard, step } of parseReplicaFigures(text)) {
        assert.ok(Number.isSafeInteger(step));
        assert.equal(heard.stable.latency.length, LATENCY_BUCKET_COUNT);
      }
    }),
  );
  assert.deepEqual(parseReplicaFigures(`[${'1'.repeat(300_000)}]`), []);
});
