/** Which endpoints answer clearly worse than the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOutliers } from '../../src/balancer/success-rate.ts';

interface Case {
  readonly name: string;
  /** Successes of requests, by endpoint. */
  readonly counts: readonly (readonly [number, number])[];
  readonly gap?: number;
  readonly minRequests?: number;
  readonly outliers: readonly number[];
}

const cases: readonly Case[] = [
  { name: 'nobody', counts: [], outliers: [] },
  { name: 'one endpoint alone has nobody to be worse than', counts: [[0, 100]], outliers: [] },
  {
    name: 'all equally bad',
    counts: [
      [50, 100],
      [52, 100],
      [48, 100],
    ],
    outliers: [],
  },
  {
    name: 'the bad one of two',
    counts: [
      [100, 100],
      [40, 100],
    ],
    outliers: [1],
  },
  {
    name: 'two bad ones of four do not excuse each other, and the worst comes first',
    counts: [
      [100, 100],
      [40, 100],
      [99, 100],
      [10, 100],
    ],
    outliers: [3, 1],
  },
  {
    name: 'worse than the others, but by less than the gap',
    counts: [
      [1_000, 1_000],
      [750, 1_000],
    ],
    outliers: [],
  },
  {
    name: 'the same with a smaller gap',
    counts: [
      [1_000, 1_000],
      [750, 1_000],
    ],
    gap: 20,
    outliers: [1],
  },
  {
    name: 'too few requests to say',
    counts: [
      [1_000, 1_000],
      [0, 49],
    ],
    outliers: [],
  },
  {
    name: 'the others have too few to compare with',
    counts: [
      [49, 49],
      [0, 1_000],
    ],
    outliers: [],
  },
  {
    name: 'few requests, so chance is not ruled out',
    counts: [
      [8, 10],
      [4, 10],
    ],
    minRequests: 5,
    outliers: [],
  },
];

for (const { name, counts, gap = 30, minRequests = 50, outliers } of cases) {
  test(name, () => {
    const endpoints = counts.map(([successes, requests], index) => ({ index, successes, requests }));
    const found = findOutliers(endpoints, gap, minRequests);
    assert.deepEqual(
      found.map(({ index }) => index),
      outliers,
    );
  });
}

test('chance alone ejects next to nobody: 2,000 intervals of equal endpoints with 20 % failures', () => {
  let state = 12_345;
  const draw = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
  let found = 0;
  for (let interval = 0; interval < 2_000; interval++) {
    const counts = Array.from({ length: 4 }, () => {
      let successes = 0;
      for (let request = 0; request < 50; request++) if (draw() >= 0.2) successes++;
      return { requests: 50, successes };
    });
    found += findOutliers(counts, 15, 50).length;
  }
  assert.ok(found < 40, `${found} of 8,000`);
});
