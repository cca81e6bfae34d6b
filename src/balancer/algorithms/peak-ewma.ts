/**
 * The one that is likely to answer sooner of two endpoints drawn by weight: its latency times the requests it has in
 * flight. Latency is an average that weighs observations by age (e^(-age / 10 s)), except that a slower one counts whole
 * at once: of an endpoint that gets slow, one request tells. Estimates sink while nothing is observed, so an endpoint that
 * was slow is asked again. Hot: guarded by `bench/micro/balancer.bench.ts` and the allocation budget.
 */
import type { Balancer } from '../balancer.ts';
import type { Endpoint } from '../endpoint.ts';
import { WeightedEndpoints } from '../weighted-endpoints.ts';

const DECAY_MS = 10_000;
/** A failed attempt counts as at least so slow, and as twice what was expected: never as fast, however soon it failed. */
const FAILED_US = 1_000_000;
/** Doubling for failures ends here, and observations too. */
const SLOWEST_US = 60_000_000;
/** Whole numbers up to here are not boxed, in whatever function they are returned to. */
const WORST_SCORE = 2 ** 30;
/** Before the first response: requests in flight that nothing is known of count as the slowest there is. */
const UNKNOWN = -1;

export class PeakEwma implements Balancer {
  readonly #weighted: WeightedEndpoints;
  #present: ReadonlySet<Endpoint>;
  #meanWeight: number;
  /** When something was observed last. Where nothing is, there is nothing to compare with either. */
  #nowMs: number;

  constructor(seed: number) {
    this.#weighted = new WeightedEndpoints(seed);
    this.#present = new Set();
    this.#meanWeight = 1;
    this.#nowMs = 0;
  }

  rebuild(available: readonly Endpoint[]): void {
    this.#weighted.rebuild(available);
    this.#meanWeight = available.reduce((sum, { weightInForce }) => sum + weightInForce, 0) / available.length;
    const former = this.#present;
    this.#present = new Set(available);
    this.#introduce(available.filter((endpoint) => !former.has(endpoint)));
  }

  pick(_hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    const weighted = this.#weighted;
    if (weighted.endpoints.length < 2) return weighted.endpoints[0] ?? null;
    const first = weighted.draw(tried);
    const second = weighted.drawSecond(first, tried);
    return this.#score(second) < this.#score(first) ? second : first;
  }

  observe(endpoint: Endpoint, latencyMs: number, nowMs: number, failed: boolean): void {
    const now = Math.trunc(nowMs);
    const known = endpoint.latencyUs;
    let us = Math.min(Math.max(latencyMs * 1_000, 0), SLOWEST_US);
    if (failed) us = Math.min(Math.max(us, 2 * known, FAILED_US), SLOWEST_US);
    if (us < known) {
      const share = Math.exp((endpoint.latencyAtMs - now) / DECAY_MS);
      us = known * share + us * (1 - share);
    }
    endpoint.latencyUs = Math.round(us);
    endpoint.latencyAtMs = now;
    this.#nowMs = now;
  }

  /** Whoever comes, or comes back with what sank while it was away, begins as an average endpoint and not as the fastest. */
  #introduce(arrivals: readonly Endpoint[]): void {
    const isArrival = new Set(arrivals);
    let sum = 0;
    let count = 0;
    for (const endpoint of this.#weighted.endpoints) {
      if (isArrival.has(endpoint) || endpoint.latencyUs === UNKNOWN) continue;
      sum += this.#latencyNow(endpoint);
      count += 1;
    }
    if (count === 0) return;
    for (const endpoint of arrivals) {
      endpoint.latencyUs = Math.round(Math.max(sum / count, this.#latencyNow(endpoint)));
      endpoint.latencyAtMs = this.#nowMs;
    }
  }

  #latencyNow(endpoint: Endpoint): number {
    return endpoint.latencyUs * Math.exp((endpoint.latencyAtMs - this.#nowMs) / DECAY_MS);
  }

  /**
   * Whole microseconds, less is better. Weights stand beside the requests in flight only: for endpoints that are idle, the
   * draw has them already.
   */
  #score(endpoint: Endpoint): number {
    const load = (endpoint.inFlight * this.#meanWeight) / endpoint.weightInForce;
    const us = endpoint.latencyUs;
    const ageMs = this.#nowMs - endpoint.latencyAtMs;
    const expected = us === UNKNOWN ? load * SLOWEST_US : us * Math.exp(-ageMs / DECAY_MS) * (1 + load);
    return Math.min(expected, WORST_SCORE) | 0;
  }
}
