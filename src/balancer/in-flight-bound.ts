/**
 * Which endpoints have room for one more request, where none may have much more than its share of what is in flight
 * ("consistent hashing with bounded loads", Mirrokni, Thorup and Zadimoghaddam 2016). Hot.
 */
import type { Endpoint } from './endpoint.ts';

/** Lists up to here are looked at whole for each request, so that the sum is exact. */
const SHORT = 8;
/** Of longer ones a request looks at so many: each comes from memory, and one endpoint hardly changes the sum. */
const READS = 2;

export class InFlightBound {
  readonly #percent: number;
  #endpoints: readonly Endpoint[];
  /** What was in flight at each endpoint when it was looked at last. */
  #seen: Int32Array;
  #sum: number;
  #totalWeight: number;
  /** Where the next look begins. */
  #cursor: number;

  /** @param percent most that an endpoint may have in flight, of the average for its weight; 0 = no bound */
  constructor(percent: number) {
    this.#percent = percent;
    this.#endpoints = [];
    this.#seen = new Int32Array(0);
    this.#sum = 0;
    this.#totalWeight = 0;
    this.#cursor = 0;
  }

  get off(): boolean {
    return this.#percent === 0;
  }

  rebuild(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#seen = Int32Array.from(endpoints, (endpoint) => endpoint.inFlight);
    this.#sum = this.#seen.reduce((sum, inFlight) => sum + inFlight, 0);
    this.#totalWeight = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
    this.#cursor = 0;
  }

  /** Once for each request, before `hasRoom`. */
  refresh(): void {
    const count = this.#endpoints.length;
    for (let reads = count > SHORT ? READS : count; reads > 0; reads -= 1) {
      const place = this.#cursor;
      const inFlight = this.#endpoints[place]?.inFlight ?? 0;
      this.#sum += inFlight - (this.#seen[place] ?? 0);
      this.#seen[place] = inFlight;
      this.#cursor = place + 1 === count ? 0 : place + 1;
    }
  }

  hasRoom(endpoint: Endpoint): boolean {
    if (this.#percent === 0) return true;
    return endpoint.inFlight * this.#totalWeight * 100 < this.#percent * (this.#sum + 1) * endpoint.weight;
  }
}
