/**
 * The endpoint that comes first in the order of the key, of those that have not failed the request and, where loads are
 * bounded, have room. Hot: guarded by `bench/micro/balancer.bench.ts` and the allocation budget.
 */
import type { Balancer, UpstreamLoad } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';
import { InFlightBound } from './in-flight-bound.ts';
import { findUntried, type KeyOrder } from './key-order.ts';

export class ConsistentHash implements Balancer {
  readonly #order: KeyOrder;
  readonly #bound: InFlightBound;

  /** @param boundPercent as `HashingConfig` has it */
  constructor(order: KeyOrder, boundPercent: number, load: UpstreamLoad) {
    this.#order = order;
    this.#bound = new InFlightBound(boundPercent, load);
  }

  rebuild(available: readonly Endpoint[]): void {
    this.#order.rebuild(available);
    this.#bound.rebuild(available);
  }

  pick(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    const order = this.#order;
    if (order.size === 0) return null;
    const place = order.locate(hashKey);
    const first = order.at(place);
    const untried = tried.length === 0 ? first : (findUntried(order, place, tried) ?? first);
    return this.#bound.hasRoom(untried) ? untried : this.#findRoom(place, tried, untried);
  }

  observe(): void {
    // A key does not change its endpoint because that is slow.
  }

  #findRoom(place: number, tried: readonly Endpoint[], untried: Endpoint): Endpoint {
    const order = this.#order;
    for (let step = 1; step < order.size; step += 1) {
      const endpoint = order.at((place + step) % order.size);
      if (this.#bound.hasRoom(endpoint) && !tried.includes(endpoint)) return endpoint;
    }
    return untried;
  }
}
