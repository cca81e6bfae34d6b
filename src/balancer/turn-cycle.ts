/**
 * The order of turns once it repeats, for `algorithms/smooth-weighted-round-robin.ts`: one period is written down, then read
 * again and again. Hot: part of `bench/micro/balancer.bench.ts`.
 */
import type { Endpoint } from './endpoint.ts';
import type { Turn } from './turn.ts';

/** Two bytes each: little beside the buffers of the connections a busy endpoint has. */
const MAX_SLOTS_PER_TURN = 2 ** 10;
const MAX_SLOTS = 2 ** 19 - 1;
/** Places have 16 bits. */
const MAX_TURNS = 2 ** 16;

/**
 * Slots until the windows lie as they lay before: a turn of weight w has w/g of them in W/g slots, where W is the sum of all
 * weights and g their greatest common divisor.
 * @param totalWeight - W
 * @returns below 2^19; 0 if writing it down would take too much
 */
export function periodOf(turns: readonly Turn[], totalWeight: number): number {
  let divisor = totalWeight;
  for (let place = 0; place < turns.length && divisor > 1; place += 1) {
    divisor = greatestCommonDivisor(divisor, (turns[place] as Turn).endpoint.weightInForce);
  }
  const slots = totalWeight / divisor;
  return slots > Math.min(turns.length * MAX_SLOTS_PER_TURN, MAX_SLOTS) || turns.length > MAX_TURNS ? 0 : slots;
}

function greatestCommonDivisor(a: number, b: number): number {
  let divisor = a;
  let rest = b;
  while (rest !== 0) {
    const next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  return divisor;
}

export class TurnCycle {
  /** Is never closed. */
  static readonly NONE: TurnCycle = new TurnCycle([], 0);

  readonly #turns: readonly Turn[];
  readonly #endpoints: readonly Endpoint[];
  /** By slot. */
  readonly #places: Uint16Array;
  /** Of each turn, when the first slot began. */
  readonly #openedAt: Float64Array;
  #at: number;
  /** The order repeats: `next` may be called. */
  closed: boolean;

  /** The slot that comes next is the first of the period. */
  constructor(turns: readonly Turn[], period: number) {
    this.#turns = turns;
    this.#endpoints = turns.map(({ endpoint }) => endpoint);
    this.#places = new Uint16Array(period);
    this.#openedAt = Float64Array.from(turns, ({ opensAt }) => opensAt);
    this.#at = 0;
    this.closed = false;
  }

  /**
   * Writes down who had the slot, after its turn has gone on to its next window.
   * @returns whether the period is over; then it is `closed` if everything is as it was at its begin
   */
  record(place: number): boolean {
    const period = this.#places.length;
    this.#places[this.#at] = place;
    this.#at += 1;
    if (this.#at < period) return false;
    this.#at = 0;
    // A window is at least a slot long, so whoever had one too many or too few is not where it was.
    this.closed = this.#turns.every(({ opensAt }, index) => opensAt === (this.#openedAt[index] ?? 0) + period);
    return true;
  }

  next(): Endpoint {
    const places = this.#places;
    const at = this.#at;
    this.#at = at + 1 === places.length ? 0 : at + 1;
    return this.#endpoints[places[at] as number] as Endpoint;
  }

  /**
   * Brings the turns, which stand at the begin of a period since it is closed, to where they are now.
   * @returns how many slots into the period that is
   */
  catchUp(): number {
    if (!this.closed) return 0;
    for (const place of this.#places.subarray(0, this.#at)) this.#turns[place]?.toNextWindow();
    return this.#at;
  }
}
