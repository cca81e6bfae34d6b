/** Releases of canaries that are worse: all are aborted, and how soon and at what price is printed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseGates } from '../../src/model/release.ts';
import { MINUTE_MS, release } from '../support/release.ts';
import { type Behaviour, simulateRelease } from '../support/release-simulation.ts';

const GATES: ReleaseGates = {
  errorDifference: 0.01,
  latencyRatios: [{ quantile: 0.95, ratio: 1.5 }],
  minRequests: 100,
  maxFailures: null,
};

const STABLE: Behaviour = { errorRate: 0.001, medianMs: 30, spread: 0.6 };
const RUNS = 20;

interface Case {
  readonly name: string;
  readonly percent: number;
  readonly canary: Behaviour;
  readonly gate: string;
  /** In the median. */
  readonly maxSeconds: number;
  readonly maxFailures: number;
}

const cases: readonly Case[] = [
  {
    name: '3 % errors',
    percent: 5,
    canary: { ...STABLE, errorRate: 0.03 },
    gate: 'errors',
    maxSeconds: 300,
    maxFailures: 45,
  },
  {
    name: '3 % errors',
    percent: 25,
    canary: { ...STABLE, errorRate: 0.03 },
    gate: 'errors',
    maxSeconds: 60,
    maxFailures: 45,
  },
  {
    name: '10 % errors',
    percent: 5,
    canary: { ...STABLE, errorRate: 0.1 },
    gate: 'errors',
    maxSeconds: 30,
    maxFailures: 15,
  },
  {
    name: 'nothing but errors',
    percent: 5,
    canary: { ...STABLE, errorRate: 1 },
    gate: 'errors',
    maxSeconds: 3,
    maxFailures: 10,
  },
  {
    name: 'nothing but errors',
    percent: 25,
    canary: { ...STABLE, errorRate: 1 },
    gate: 'errors',
    maxSeconds: 1,
    maxFailures: 35,
  },
  {
    name: 'doubled latency',
    percent: 5,
    canary: { ...STABLE, medianMs: 60 },
    gate: 'p95',
    maxSeconds: 300,
    maxFailures: 5,
  },
  {
    name: 'doubled latency',
    percent: 25,
    canary: { ...STABLE, medianMs: 60 },
    gate: 'p95',
    maxSeconds: 110,
    maxFailures: 10,
  },
  {
    name: 'doubled latency of a wide spread',
    percent: 25,
    canary: { ...STABLE, spread: 1, medianMs: 60 },
    gate: 'p95',
    maxSeconds: 400,
    maxFailures: 20,
  },
];

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

for (const { name, percent, canary, gate, maxSeconds, maxFailures } of cases) {
  test(`${name} at ${percent} % of 100 requests a second is aborted`, (t) => {
    const ends = Array.from({ length: RUNS }, (_, seed) =>
      simulateRelease({
        release: release({ steps: [{ percent, holdMs: 60 * MINUTE_MS }], gates: GATES }),
        stable: { ...STABLE, spread: canary.spread },
        canary,
        requestsPerSecond: 100,
        seconds: 3_600,
        seed: seed + 1,
      }),
    );
    for (const { state } of ends) {
      assert.equal(state?.phase, 'aborted');
      assert.match(state.reason, new RegExp(`^${gate}: `));
    }
    const seconds = median(ends.map((end) => end.seconds));
    const failures = median(ends.map((end) => end.canaryFailures));
    const requests = median(ends.map((end) => end.canaryRequests));
    t.diagnostic(
      `medians until the abort: ${seconds} s, ${requests} requests of the canary, ${failures} of them failed`,
    );
    assert.ok(seconds <= maxSeconds);
    assert.ok(failures <= maxFailures);
  });
}
