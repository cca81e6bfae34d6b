/**
 * Which endpoints have room for one more request, where none may have much more than its share of what is in flight
 * ("consistent hashing with bounded loads", Mirrokni, Thorup and Zadimoghaddam 2016). Hot.
 */
import type { UpstreamLoad } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';

export class InFlightBound {
  readonly #percent: number;
  readonly #load: UpstreamLoad;
  #totalWeight: number;

  /** @param percent most that an endpoint may have in flight, of the average for its weight; 0 = no bound */
  constructor(percent: number, load: UpstreamLoad) {
    this.#percent = percent;
    this.#load = load;
    this.#totalWeight = 0;
  }

  get off(): boolean {
    return this.#percent === 0;
  }

  rebuild(endpoints: readonly Endpoint[]): void {
    this.#totalWeight = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  }

  /** Also counted is what is still under way at endpoints that take no new requests: it makes the share a little larger. */
  hasRoom(endpoint: Endpoint): boolean {
    if (this.#percent === 0) return true;
    return endpoint.inFlight * this.#totalWeight * 100 < this.#percent * (this.#load.inFlight + 1) * endpoint.weight;
  }
}
