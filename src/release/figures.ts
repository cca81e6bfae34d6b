/** Arithmetic on figures of releases: what workers and replicas counted, put together. */
import { LATENCY_BUCKET_COUNT, type ReleaseFigures, type SideFigures } from '../model/release.ts';

const NO_LATENCY: readonly number[] = Array.from({ length: LATENCY_BUCKET_COUNT }, () => 0);
const NOTHING: SideFigures = { requests: 0, failures: 0, latency: NO_LATENCY };

export function noFigures(id: string): ReleaseFigures {
  return { id, stable: NOTHING, canary: NOTHING };
}

export function addFigures(a: ReleaseFigures, b: ReleaseFigures): ReleaseFigures {
  return { id: a.id, stable: addSide(a.stable, b.stable), canary: addSide(a.canary, b.canary) };
}

/** What was counted between two readings of one counter. One that counts less than before has begun anew. */
export function countedSince(earlier: ReleaseFigures, now: ReleaseFigures): ReleaseFigures {
  const restarted = now.stable.requests < earlier.stable.requests || now.canary.requests < earlier.canary.requests;
  if (restarted) return now;
  return { id: now.id, stable: subtract(now.stable, earlier.stable), canary: subtract(now.canary, earlier.canary) };
}

function addSide(a: SideFigures, b: SideFigures): SideFigures {
  return combine(a, b, (x, y) => x + y);
}

function subtract(a: SideFigures, b: SideFigures): SideFigures {
  return combine(a, b, (x, y) => Math.max(0, x - y));
}

function combine(a: SideFigures, b: SideFigures, operate: (x: number, y: number) => number): SideFigures {
  return {
    requests: operate(a.requests, b.requests),
    failures: operate(a.failures, b.failures),
    latency: a.latency.map((count, bucket) => operate(count, b.latency[bucket] ?? 0)),
  };
}
