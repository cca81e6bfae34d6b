/** The counters of a route, before and after its first request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RouteStats } from '../../src/live/route-stats.ts';
import { DURATION_BUCKETS_MS } from '../../src/model/worker-stats.ts';

test('there is a counter for each bucket of durations, and one for what is longer', () => {
  const row = new RouteStats('a').toRow();
  assert.deepEqual(
    row.durationBuckets,
    [...DURATION_BUCKETS_MS, 0].map(() => 0),
  );
  assert.deepEqual(row.statusClasses, [0, 0, 0, 0, 0]);
});

test('routes count each for itself', () => {
  const [a, b] = [new RouteStats('a'), new RouteStats('b')];
  a.countDuration(3);
  a.countDuration(1e9);
  assert.deepEqual(a.toRow().durationBuckets.at(2), 1);
  assert.deepEqual(a.toRow().durationBuckets.at(-1), 1);
  assert.ok(b.toRow().durationBuckets.every((count) => count === 0));
  assert.ok(new RouteStats('c').toRow().durationBuckets.every((count) => count === 0));
});
