/** A release under steady load, judged each second: what would become of it. The same seed gives the same run. */
import { Xorshift32 } from '../../src/balancer/xorshift.ts';
import {
  LATENCY_BUCKET_COUNT,
  latencyBoundMs,
  percentInForce,
  type ReleaseConfig,
  type ReleaseState,
  type SideFigures,
} from '../../src/model/release.ts';
import { nextState } from '../../src/release/next-state.ts';
import { NOON } from './release.ts';

/** How one side answers. */
export interface Behaviour {
  /** In [0, 1], by the second since the release began. */
  readonly errorRate: number | ((second: number) => number);
  readonly medianMs: number;
  /** Of the logarithm of the latency: 0.5 is mild, 1 has a p99 ten times the median. */
  readonly spread: number;
}

export interface SimulatedRelease {
  readonly release: ReleaseConfig;
  readonly stable: Behaviour;
  readonly canary: Behaviour;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface SimulatedEnd {
  readonly state: ReleaseState | null;
  readonly seconds: number;
  /** Requests that the canary got, and failed. */
  readonly canaryRequests: number;
  readonly canaryFailures: number;
}

/** Numbers in [0, 1). */
export function uniform(seed: number): () => number {
  const random = new Xorshift32(seed);
  return () => random.draw() / 2 ** 31;
}

interface MutableSide extends SideFigures {
  requests: number;
  failures: number;
  readonly latency: number[];
}

function emptySide(): MutableSide {
  return { requests: 0, failures: 0, latency: Array.from({ length: LATENCY_BUCKET_COUNT }, () => 0) };
}

export function simulateRelease({ release, seed, seconds, ...simulated }: SimulatedRelease): SimulatedEnd {
  const random = uniform(seed);
  const stable = toSide(simulated.stable, random);
  const canary = toSide(simulated.canary, random);
  let sides = { stable: emptySide(), canary: emptySide() };
  let { state } = release;
  let canaryRequests = 0;
  let canaryFailures = 0;
  let second = 0;
  for (; second < seconds; second += 1) {
    const config: ReleaseConfig = { ...release, state };
    const next: ReleaseState | null = nextState(
      config,
      { id: release.id, ...sides },
      NOON + second * 1_000,
      true,
    ).state;
    if (next?.step !== state?.step) sides = { stable: emptySide(), canary: emptySide() };
    state = next;
    if (state !== null && state.phase !== 'running') break;
    const share = (percentInForce({ ...release, state }) ?? 0) / 100;
    const before = { ...sides.canary };
    for (let request = 0; request < simulated.requestsPerSecond; request += 1) {
      if (random() < share) canary(sides.canary, second);
      else stable(sides.stable, second);
    }
    canaryRequests += sides.canary.requests - before.requests;
    canaryFailures += sides.canary.failures - before.failures;
  }
  return { state, seconds: second, canaryRequests, canaryFailures };
}

/** Counts one request. */
function toSide(behaviour: Behaviour, random: () => number): (side: MutableSide, second: number) => void {
  const { errorRate } = behaviour;
  const draw = bucketDrawer(behaviour, random);
  return (side, second) => {
    side.requests += 1;
    if (random() < (typeof errorRate === 'number' ? errorRate : errorRate(second))) {
      side.failures += 1;
      return;
    }
    const bucket = draw();
    side.latency[bucket] = (side.latency[bucket] ?? 0) + 1;
  };
}

const DRAWS = 1 << 16;

/** Buckets of a lognormal latency, from a table in which each stands as often as it comes. */
function bucketDrawer({ medianMs, spread }: Behaviour, random: () => number): () => number {
  const table = new Uint8Array(DRAWS);
  let bucket = 0;
  for (let index = 0; index < DRAWS; index += 1) {
    const rank = (index + 0.5) / DRAWS;
    while (
      bucket < LATENCY_BUCKET_COUNT - 1 &&
      normalShare(Math.log(latencyBoundMs(bucket) / medianMs) / spread) < rank
    ) {
      bucket += 1;
    }
    table[index] = bucket;
  }
  return () => table[Math.floor(random() * DRAWS)] ?? 0;
}

/** The share of a normal distribution below `z`, to 1e-7 (Zelen and Severo). */
function normalShare(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? 1 - tail : tail;
}
