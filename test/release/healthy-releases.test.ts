/** Releases of canaries that are no worse than stable, judged each second: none is aborted, and they get on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseGates, ReleaseStep } from '../../src/model/release.ts';
import { MINUTE_MS, release } from '../support/release.ts';
import { type SimulatedEnd, simulateRelease } from '../support/release-simulation.ts';

const GATES: ReleaseGates = {
  errorDifference: 0.01,
  latencyRatios: [
    { quantile: 0.95, ratio: 1.5 },
    { quantile: 0.99, ratio: 2 },
  ],
  minRequests: 100,
  maxFailures: null,
};

const STEPS: readonly ReleaseStep[] = [
  { percent: 1, holdMs: 4 * MINUTE_MS },
  { percent: 2, holdMs: 3 * MINUTE_MS },
  { percent: 5, holdMs: 3 * MINUTE_MS },
  { percent: 100, holdMs: 0 },
];

const RELEASES = 60;
const PLANNED_S = 600;

function simulateHealthy(errorRate: number | ((second: number) => number), seed: number): SimulatedEnd {
  const behaviour = { errorRate, medianMs: 30, spread: 1 };
  return simulateRelease({
    release: release({ steps: STEPS, gates: GATES }),
    stable: behaviour,
    canary: behaviour,
    requestsPerSecond: 100,
    seconds: 4 * PLANNED_S,
    seed,
  });
}

for (const errorRate of [0, 0.001, 0.01, 0.05]) {
  test(`of ${RELEASES} releases with ${errorRate * 100} % errors on both sides, none is aborted`, (t) => {
    const ends = Array.from({ length: RELEASES }, (_, seed) =>
      simulateHealthy(errorRate, 1_000_000 * errorRate + seed + 1),
    );
    assert.deepEqual(
      ends.flatMap(({ state }) => (state?.phase === 'aborted' ? [state.reason] : [])),
      [],
    );
    const completed = ends.filter(({ state }) => state?.phase === 'completed');
    const seconds = completed.map((end) => end.seconds).toSorted((a, b) => a - b);
    const median = seconds[Math.floor(seconds.length / 2)] ?? 0;
    t.diagnostic(
      `${completed.length} complete after ${median} s (median) and ${seconds.at(-1)} s (last) of ${PLANNED_S} s planned`,
    );
    assert.ok(completed.length >= RELEASES * 0.9);
  });
}

function outage(second: number): number {
  return second >= 300 && second < 360 ? 0.5 : 0.001;
}

test('a minute in which what both sides depend on fails half of the requests aborts no release', () => {
  const ends = Array.from({ length: 20 }, (_, seed) => simulateHealthy(outage, seed + 1));
  assert.deepEqual(
    ends.flatMap(({ state }) => (state?.phase === 'aborted' ? [state.reason] : [])),
    [],
  );
});
