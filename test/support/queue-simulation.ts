/**
 * Requests at random times to back ends that work on a few of them at once, computed and not waited for: what clients of a
 * balancer would see. The same seed gives the same run.
 */
import { ALGORITHMS } from '../../src/balancer/algorithms/index.ts';
import { NO_LOAD, NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import { Xorshift32 } from '../../src/balancer/xorshift.ts';
import type { BalancerName } from '../../src/model/upstream-policy.ts';

export interface SimulatedBackEnd {
  /** Mean time a request takes at a moment, in milliseconds; exponentially distributed. */
  readonly serviceMs: (atMs: number) => number;
  /** Answers with a failure instead, at once. */
  readonly fails: boolean;
  readonly weight: number;
}

export interface Simulation {
  readonly algorithm: BalancerName;
  readonly backEnds: readonly SimulatedBackEnd[];
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly seed: number;
}

export interface SimulationResult {
  /** Sorted, in milliseconds. */
  readonly latencies: readonly number[];
  /** By back end. */
  readonly picks: readonly number[];
}

/** What a back end works on at once; the rest waits there. */
const CONCURRENCY = 8;

interface Pending {
  readonly endpoint: Endpoint;
  readonly latencyMs: number;
  readonly endMs: number;
  readonly failed: boolean;
}

export function simulate({ algorithm, backEnds, requestsPerSecond, requests, seed }: Simulation): SimulationResult {
  const random = new Xorshift32(seed);
  const exponential = (mean: number): number => -Math.log((random.draw() + 1) / 2 ** 31) * mean;
  const endpoints = backEnds.map(({ weight }, index) => new Endpoint('shop', `10.0.0.${index}`, 80, weight));
  const servers = backEnds.map(() => Array.from({ length: CONCURRENCY }, () => 0));
  const balancer = ALGORITHMS[algorithm](seed, null, NO_LOAD);
  balancer.rebuild(endpoints);
  const pending: Pending[] = [];
  const latencies: number[] = [];
  const picks = backEnds.map(() => 0);
  let nowMs = 0;
  for (let request = 0; request < requests; request += 1) {
    nowMs += exponential(1_000 / requestsPerSecond);
    while ((pending.at(-1)?.endMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const { endpoint, latencyMs, endMs, failed } = pending.pop() as Pending;
      endpoint.inFlight -= 1;
      balancer.observe(endpoint, latencyMs, endMs, failed);
    }
    const endpoint = balancer.pick(random.draw(), NONE_TRIED) as Endpoint;
    const at = endpoints.indexOf(endpoint);
    const backEnd = backEnds[at] as SimulatedBackEnd;
    const free = servers[at] as number[];
    const server = free.indexOf(Math.min(...free));
    const startMs = Math.max(nowMs, free[server] ?? 0);
    const endMs = startMs + (backEnd.fails ? 0.1 : exponential(backEnd.serviceMs(startMs)));
    free[server] = endMs;
    picks[at] = (picks[at] ?? 0) + 1;
    latencies.push(endMs - nowMs);
    endpoint.inFlight += 1;
    // Kept in order of their end, the next last.
    const place = pending.findLastIndex((other) => other.endMs >= endMs) + 1;
    pending.splice(place, 0, { endpoint, latencyMs: endMs - nowMs, endMs, failed: backEnd.fails });
  }
  return { latencies: latencies.toSorted((a, b) => a - b), picks };
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
