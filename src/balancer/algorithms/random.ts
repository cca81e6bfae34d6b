/**
 * Any endpoint, as likely as its weight says. Nothing is shared between requests, so it is as fair over many workers or
 * proxies as over one. Hot: guarded by `bench/micro/balancer.bench.ts` and the allocation budget.
 */
import type { Balancer } from '../balancer.ts';
import type { Endpoint } from '../endpoint.ts';
import { WeightedEndpoints } from '../weighted-endpoints.ts';

export class Random implements Balancer {
  readonly #weighted: WeightedEndpoints;

  constructor(seed: number) {
    this.#weighted = new WeightedEndpoints(seed);
  }

  rebuild(available: readonly Endpoint[]): void {
    this.#weighted.rebuild(available);
  }

  pick(_hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    return this.#weighted.endpoints.length === 0 ? null : this.#weighted.draw(tried);
  }

  observe(): void {
    // Chance remembers nothing.
  }
}
