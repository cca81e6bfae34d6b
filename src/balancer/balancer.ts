/** What every balancing algorithm must do. The algorithms are listed in `algorithms/index.ts`. */
import type { Endpoint } from './endpoint.ts';

/** For a first attempt, so that it allocates nothing. Never changed; not frozen, because scans of frozen arrays are slow. */
export const NONE_TRIED: readonly Endpoint[] = [];

/** What is under way at the upstream a balancer works for. */
export interface UpstreamLoad {
  /** Attempts, now. */
  readonly inFlight: number;
}

/** Of an upstream without traffic. */
export const NO_LOAD: UpstreamLoad = { inFlight: 0 };

export interface Balancer {
  /**
   * Tells which endpoints may be picked from now on; each has a `weightInForce` above 0 and stands there once. Called
   * whenever membership, health or a weight changes, and must not lose the position: the sequence of picks goes on.
   * The array is not kept by the caller for changes, so it may be held.
   */
  rebuild(available: readonly Endpoint[]): void;
  /**
   * Hot. Null only without endpoints. One of `tried` (the endpoints earlier attempts of the same request failed on, not
   * all of them need be here still) is picked only when there is no other. `hashKey` is a 32-bit integer for algorithms
   * that stick to a key; others ignore it.
   */
  pick(hashKey: number, tried: readonly Endpoint[]): Endpoint | null;
  /**
   * Hot. Tells what an attempt took that has ended: milliseconds from its start to the head of the response, or to its
   * failure. Both times are of the same monotonic clock. Most algorithms do not care.
   */
  observe(endpoint: Endpoint, latencyMs: number, nowMs: number, failed: boolean): void;
}
