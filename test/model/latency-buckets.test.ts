/** The bucket of a duration is the one its bounds say, for every number there is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LATENCY_BUCKET_COUNT, latencyBoundMs, toLatencyBucket } from '../../src/model/release.ts';

const LAST = LATENCY_BUCKET_COUNT - 1;

function expectRight(durationMs: number): void {
  const bucket = toLatencyBucket(durationMs);
  assert.ok(Number.isInteger(bucket) && bucket >= 0 && bucket <= LAST, `${durationMs} is in ${bucket}`);
  assert.ok(latencyBoundMs(bucket) >= durationMs, `${durationMs} is above the bound of ${bucket}`);
  assert.ok(bucket === 0 || latencyBoundMs(bucket - 1) < durationMs, `${durationMs} is within ${bucket - 1}`);
}

test('bounds themselves, and the next numbers beside them, are where they belong', () => {
  for (let bucket = 0; bucket < LAST; bucket++) {
    const bound = latencyBoundMs(bucket);
    assert.equal(toLatencyBucket(bound), bucket);
    assert.equal(toLatencyBucket(bound * (1 + Number.EPSILON)), bucket + 1);
    expectRight(bound * (1 - Number.EPSILON));
  }
});

test('so is any duration', () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), expectRight), { numRuns: 5_000 });
  for (const duration of [0, -1, 5e-324, 2 ** 31, 2 ** 40, Number.MAX_VALUE, Number.POSITIVE_INFINITY])
    expectRight(duration);
});

test('what is no duration breaks nothing', () => {
  assert.equal(toLatencyBucket(Number.NaN), 0);
});
