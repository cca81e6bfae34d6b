/**
 * The one with fewer requests in flight, for its weight, of two endpoints drawn by weight. Of two, because all requests
 * that arrive at once would meet at the least busy one of all; two are enough to keep away from those that are slow.
 * Hot: guarded by `bench/micro/balancer.bench.ts` and the allocation budget.
 */
import type { Balancer } from '../balancer.ts';
import type { Endpoint } from '../endpoint.ts';
import { WeightedEndpoints } from '../weighted-endpoints.ts';

export class LeastRequest implements Balancer {
  readonly #weighted: WeightedEndpoints;

  constructor(seed: number) {
    this.#weighted = new WeightedEndpoints(seed);
  }

  rebuild(available: readonly Endpoint[]): void {
    this.#weighted.rebuild(available);
  }

  pick(_hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    const weighted = this.#weighted;
    if (weighted.endpoints.length < 2) return weighted.endpoints[0] ?? null;
    const first = weighted.draw(tried);
    const second = weighted.drawSecond(first, tried);
    // Equals keep the first, so that idle endpoints share by weight: it is the draw that knows the weights then.
    return second.inFlight * first.weightInForce < first.inFlight * second.weightInForce ? second : first;
  }

  observe(): void {
    // Who is slow has more requests in flight.
  }
}
