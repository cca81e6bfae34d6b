/** What durations say against a canary: never more than chance allows, however often one looks. And where quantiles are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LATENCY_BUCKET_COUNT, latencyBoundMs, toLatencyBucket } from '../../src/model/release.ts';
import { logLatencyEvidence, toDurations, toQuantileMs } from '../../src/release/judge-latency.ts';
import { uniform } from '../support/release-simulation.ts';

const ENOUGH = Math.log(1_000);

/** Numbers of answers by duration in milliseconds. */
function buckets(answers: Readonly<Record<number, number>>): number[] {
  const counts = Array.from({ length: LATENCY_BUCKET_COUNT }, () => 0);
  for (const [durationMs, count] of Object.entries(answers)) counts[toLatencyBucket(Number(durationMs))] = count;
  return counts;
}

test('a quantile lies in the bucket that it must', () => {
  const durations = toDurations(buckets({ 10: 900, 100: 90, 1_000: 10 }));
  const inBucketOf = (quantile: number, durationMs: number): void => {
    const bucket = toLatencyBucket(durationMs);
    const value = toQuantileMs(durations, quantile) ?? Number.NaN;
    assert.ok(value >= latencyBoundMs(bucket - 1) && value <= latencyBoundMs(bucket), `${value} for ${durationMs}`);
  };
  inBucketOf(0.5, 10);
  inBucketOf(0.95, 100);
  inBucketOf(0.995, 1_000);
});

test('there is no quantile of nothing, and the last bucket ends where it begins', () => {
  assert.equal(toQuantileMs(toDurations([]), 0.5), null);
  assert.equal(toQuantileMs(toDurations(buckets({ 1e9: 3 })), 0.5), latencyBoundMs(LATENCY_BUCKET_COUNT - 2));
});

test('evidence and quantiles are numbers, whatever was counted', () => {
  const count = fc.oneof(fc.constant(0), fc.nat(1_000), fc.maxSafeNat());
  const counts = fc.array(count, { maxLength: LATENCY_BUCKET_COUNT + 3 });
  const gate = fc.record({
    quantile: fc.constantFrom(0.5, 0.95, 0.99),
    ratio: fc.double({ min: 1, max: 1_000, noNaN: true }),
  });
  fc.assert(
    fc.property(counts, counts, gate, (one, other, each) => {
      const [stable, canary] = [toDurations(one), toDurations(other)];
      const evidence = logLatencyEvidence(stable, canary, each, ENOUGH);
      assert.ok(evidence >= 0 && evidence <= ENOUGH, String(evidence));
      for (const side of [stable, canary]) {
        const value = toQuantileMs(side, each.quantile);
        assert.ok(value === null || (Number.isFinite(value) && value > 0), String(value));
      }
    }),
  );
});

interface Case {
  readonly name: string;
  readonly stable: Readonly<Record<number, number>>;
  readonly canary: Readonly<Record<number, number>>;
  readonly quantile?: number;
  readonly ratio?: number;
  readonly worse: boolean;
}

const cases: readonly Case[] = [
  { name: 'all answers three times as slow', stable: { 10: 5_000 }, canary: { 30: 300 }, worse: true },
  { name: 'all answers as fast', stable: { 10: 5_000 }, canary: { 10: 300 }, worse: false },
  { name: 'exactly at the ratio', stable: { 10: 5_000 }, canary: { 20: 5_000 }, worse: false },
  { name: 'two answers, however slow', stable: { 10: 5_000 }, canary: { 1_000: 2 }, worse: false },
  { name: 'nobody to compare with', stable: {}, canary: { 1_000: 5_000 }, worse: false },
  { name: 'few to compare with', stable: { 10: 20 }, canary: { 1_000: 5_000 }, worse: false },
  {
    name: 'a tail too heavy for its quantile',
    stable: { 10: 9_900, 50: 100 },
    canary: { 10: 900, 50: 100 },
    worse: true,
  },
  {
    name: 'the same tail at a quantile that it does not reach',
    stable: { 10: 9_900, 50: 100 },
    canary: { 10: 900, 50: 100 },
    quantile: 0.5,
    worse: false,
  },
  { name: 'slower than there are bounds', stable: { 120_000: 5_000 }, canary: { 900_000: 5_000 }, worse: false },
];

for (const { name, stable, canary, quantile = 0.95, ratio = 2, worse } of cases) {
  test(`${name}: ${worse ? '' : 'not '}worse`, () => {
    const sides = [toDurations(buckets(stable)), toDurations(buckets(canary))] as const;
    assert.equal(logLatencyEvidence(...sides, { quantile, ratio }, ENOUGH) >= ENOUGH, worse);
  });
}

const RUNS = 400;
const LOOKS = 100;
const STABLE_MS = 40;

function add(side: number[], durationMs: number): void {
  const bucket = toLatencyBucket(durationMs);
  side[bucket] = (side[bucket] ?? 0) + 1;
}

/** Just more than the tail of stable's answers is in one bucket, just the tail of the canary's above twice its bound. */
function mostEvidence(quantile: number, ratio: number, random: () => number): number {
  const tail = 1 - quantile;
  const stable = buckets({});
  const canary = buckets({});
  let most = 0;
  for (let look = 0; look < LOOKS; look += 1) {
    for (let request = 0; request < 20; request += 1) {
      add(canary, random() < tail ? STABLE_MS * 2.2 : 5);
      for (let other = 0; other < ratio; other += 1) add(stable, random() < tail * 1.001 ? STABLE_MS : 5);
    }
    const gate = { quantile, ratio: 2 };
    most = Math.max(most, logLatencyEvidence(toDurations(stable), toDurations(canary), gate, ENOUGH));
  }
  return most;
}

test(`of ${RUNS * 6} canaries as slow as is just allowed, no more are found worse than chance may`, (t) => {
  const random = uniform(9);
  const found = [0.5, 0.95, 0.99].flatMap((quantile) =>
    [1, 9].flatMap((ratio) => Array.from({ length: RUNS }, () => mostEvidence(quantile, ratio, random))),
  );
  for (const alpha of [0.1, 0.01, 0.001]) {
    const wrong = found.filter((most) => most >= Math.log(1 / alpha)).length;
    const expected = alpha * found.length;
    t.diagnostic(`alpha ${alpha}: ${wrong} found worse, at most ${expected.toFixed(1)} expected`);
    assert.ok(wrong <= expected + 3 * Math.sqrt(expected));
  }
});
