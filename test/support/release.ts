/** Releases and figures for tests: what is not said is usual. */
import {
  LATENCY_BUCKET_COUNT,
  type ReleaseConfig,
  type ReleaseFigures,
  type ReleaseGates,
  type ReleaseState,
  type SideFigures,
  toLatencyBucket,
} from '../../src/model/release.ts';

export const MINUTE_MS: number = 60_000;

/** A Wednesday, 12:00 in UTC. */
export const NOON: number = Date.UTC(2026, 0, 14, 12);

export const GATES: ReleaseGates = { errorDifference: 0.01, latencyRatios: [], minRequests: 100, maxFailures: null };

export const NO_GATES: ReleaseGates = { errorDifference: null, latencyRatios: [], minRequests: 0, maxFailures: null };

/** 5 % and 25 % for ten minutes each, 50 % for thirty, then everything. */
export function release(overrides: Partial<ReleaseConfig> = {}): ReleaseConfig {
  return {
    id: 'shop/canary',
    revision: 'a1',
    steps: [
      { percent: 5, holdMs: 10 * MINUTE_MS },
      { percent: 25, holdMs: 10 * MINUTE_MS },
      { percent: 50, holdMs: 30 * MINUTE_MS },
      { percent: 100, holdMs: 0 },
    ],
    gates: GATES,
    command: null,
    expiresAfterMs: null,
    window: null,
    state: null,
    ...overrides,
  };
}

/** Of a release that began at noon, and is in its first step. */
export function releaseState(overrides: Partial<ReleaseState> = {}): ReleaseState {
  return {
    revision: 'a1',
    phase: 'running',
    step: 0,
    beganAt: NOON,
    changedAt: NOON,
    elapsedMs: 0,
    earlierFailures: 0,
    reason: '',
    ...overrides,
  };
}

/** All answers took as long. */
export function side(requests: number, failures: number, latencyMs = 20): SideFigures {
  const latency = Array.from({ length: LATENCY_BUCKET_COUNT }, () => 0);
  latency[toLatencyBucket(latencyMs)] = Math.max(0, requests - failures);
  return { requests, failures, latency };
}

export function figures(stable: SideFigures, canary: SideFigures): ReleaseFigures {
  return { id: 'shop/canary', stable, canary };
}

/** Enough requests, and nothing wrong. */
export const HEALTHY: ReleaseFigures = figures(side(9_500, 10), side(500, 1));
