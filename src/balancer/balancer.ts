/** What every balancing algorithm must do. The algorithms are listed in `algorithms/index.ts`. */
import type { Endpoint } from './endpoint.ts';

export interface Balancer {
  /**
   * Tells which endpoints may be picked from now on; each has a weight above 0 and stands there once. Called whenever
   * membership, health or a weight changes, and must not lose the position: the sequence of picks goes on.
   * The array is not kept by the caller for changes, so it may be held.
   */
  rebuild(available: readonly Endpoint[]): void;
  /**
   * Hot. Null only without endpoints. `exclude` (the endpoint an earlier attempt failed on) is picked only when it is the
   * only one. `hashKey` is a 32-bit integer for algorithms that stick to a key; others ignore it.
   */
  pick(hashKey: number, exclude: Endpoint | null): Endpoint | null;
}
