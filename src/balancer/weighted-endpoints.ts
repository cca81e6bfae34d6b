/**
 * Endpoints to draw at random, each as likely as its weight says, in constant time: an alias table (Walker 1977, built as
 * by Vose 1991). A place is drawn evenly, and keeps the draw or passes it on to the one other place it is shared with.
 * Hot: part of `bench/micro/balancer.bench.ts`.
 */
import type { Endpoint } from './endpoint.ts';
import { Xorshift32 } from './xorshift.ts';

/** Of a draw that may not have every endpoint. Then the others follow in line. */
const MAX_DRAWS = 8;
/** What `Xorshift32.draw` stays below. */
const DRAW_RANGE = 2 ** 31;
/** A place that always keeps the draw. */
const ALWAYS = DRAW_RANGE - 1;

export class WeightedEndpoints {
  endpoints: readonly Endpoint[];
  readonly #random: Xorshift32;
  /** By place: draws up to this are its own. */
  #keeps: Int32Array;
  /** By place: who gets the other draws. */
  #alias: Int32Array;

  constructor(seed: number) {
    this.endpoints = [];
    this.#random = new Xorshift32(seed);
    this.#keeps = new Int32Array(0);
    this.#alias = new Int32Array(0);
  }

  rebuild(endpoints: readonly Endpoint[]): void {
    const count = endpoints.length;
    const total = endpoints.reduce((sum, endpoint) => sum + endpoint.weightInForce, 0);
    this.endpoints = endpoints;
    this.#keeps = new Int32Array(count).fill(ALWAYS);
    this.#alias = new Int32Array(count);
    // How full each place is, of its even share. Places that are not full are filled up by those that overflow.
    const fill = endpoints.map((endpoint) => (endpoint.weightInForce * count) / total);
    const low = [...fill.keys()].filter((place) => (fill[place] ?? 1) < 1);
    const high = [...fill.keys()].filter((place) => (fill[place] ?? 1) >= 1);
    for (let from = low.pop(), to = high.at(-1); from !== undefined && to !== undefined; ) {
      const own = fill[from] ?? 1;
      this.#keeps[from] = Math.round(own * ALWAYS);
      this.#alias[from] = to;
      const rest = (fill[to] ?? 1) - (1 - own);
      fill[to] = rest;
      if (rest < 1) low.push(high.pop() ?? to);
      from = low.pop();
      to = high.at(-1);
    }
  }

  /** Hot. One that is not in `tried` as long as there is one. Not without endpoints. */
  draw(tried: readonly Endpoint[]): Endpoint {
    const endpoint = this.#drawAny();
    if (tried.length === 0 || !tried.includes(endpoint)) return endpoint;
    return this.#drawOther(null, tried) ?? endpoint;
  }

  /** Hot. One that is neither `first` nor in `tried`; `first` where there is none. */
  drawSecond(first: Endpoint, tried: readonly Endpoint[]): Endpoint {
    const endpoint = this.#drawAny();
    if (endpoint !== first && (tried.length === 0 || !tried.includes(endpoint))) return endpoint;
    return this.#drawOther(first, tried) ?? first;
  }

  #drawAny(): Endpoint {
    const place = this.#random.draw() % this.endpoints.length;
    const keeps = this.#keeps[place] ?? ALWAYS;
    // Weights that are all equal need no second number.
    const drawn = keeps === ALWAYS || this.#random.draw() <= keeps ? place : (this.#alias[place] ?? place);
    return this.endpoints[drawn] as Endpoint;
  }

  #drawOther(first: Endpoint | null, tried: readonly Endpoint[]): Endpoint | null {
    for (let draws = 1; draws < MAX_DRAWS; draws += 1) {
      const endpoint = this.#drawAny();
      if (endpoint !== first && !tried.includes(endpoint)) return endpoint;
    }
    const count = this.endpoints.length;
    const start = this.#random.draw() % count;
    for (let step = 0; step < count; step += 1) {
      const endpoint = this.endpoints[(start + step) % count] as Endpoint;
      if (endpoint !== first && !tried.includes(endpoint)) return endpoint;
    }
    return null;
  }
}
