/**
 * Smooth weighted round-robin: after any number of picks no endpoint is a whole request ahead of or behind its share.
 * Hot: guarded by `bench/micro/balancer.bench.ts` and the allocation budget.
 *
 * Each pick is one slot of time. With W the sum of weights, an endpoint of weight w is due once in W/w slots, so its time
 * is a row of windows of that length, back to back, and each window must get one pick. Of all windows that are open now,
 * the one that closes first is served (earliest deadline first), which keeps every window, because together they ask for
 * exactly one pick a slot. Windows begin and end between slots; a slot they only touch counts as inside. Weights 5, 1, 1:
 *
 *     slot         0   1   2   3   4   5   6 | 7
 *     a (7/5)      [    |    |    |    |    ]|
 *     b, c (7/1)   [                        ]|
 *     picks        a   a   a   b   a   a   c | a
 *
 * Endpoints whose window is open sit in a heap by deadline. The others wait in a timing wheel with more buckets than there
 * are endpoints: an entry may stay in it for several turns, but on average a slot meets less than one that must stay.
 * So a pick costs one heap operation, and neither time nor memory grows with the size of the weights.
 */
import type { Balancer } from '../balancer.ts';
import { DeadlineHeap } from '../deadline-heap.ts';
import type { Endpoint } from '../endpoint.ts';

/** Ends a list of places. */
const NOBODY = -1;
/** Then time starts at 0 again. Together with the next two, keeps heap keys in 31 bits. */
const LAST_SLOT = 2 ** 20 - 1;
/** A longer window (a share below one in a million) counts as this long when deadlines are compared. */
const LONGEST_WINDOW = 2 ** 20 - 1;
/** Equal deadlines are ordered by place, as finely as this allows. */
const TIE_STEPS = 2 ** 10;
/** Fractions of a slot are kept in steps of 1 / (w · FINENESS), so that rescaling to and fro leaves no rounding dust. */
const FINENESS = 2 ** 20;

/** The windows of one endpoint. Times are a whole number of slots and a rest, counted in 1/weight of a slot. */
class Turn {
  readonly endpoint: Endpoint;
  weight: number;
  windowSlots: number;
  windowRest: number;
  /** Begin of the first window that was not served. */
  opensAt: number;
  opensAtRest: number;
  /** The place behind this one in its bucket. */
  next: number;
  tie: number;
  /** Picks behind its share, below 0 ahead of it; set by each rebuild for the next one. */
  lag: number;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.weight = 1;
    this.windowSlots = 0;
    this.windowRest = 0;
    this.opensAt = 0;
    this.opensAtRest = 0;
    this.next = NOBODY;
    this.tie = 0;
    this.lag = 0;
  }

  /** The first slot that lies wholly behind the window. */
  get closesAt(): number {
    const rest = this.opensAtRest + this.windowRest;
    const roundedUp = rest > this.weight ? 2 : 1;
    return this.opensAt + this.windowSlots + (rest === 0 ? 0 : roundedUp);
  }

  toNextWindow(): void {
    const rest = this.opensAtRest + this.windowRest;
    const carry = rest >= this.weight ? 1 : 0;
    this.opensAtRest = rest - carry * this.weight;
    this.opensAt += this.windowSlots + carry;
  }
}

export class SmoothWeightedRoundRobin implements Balancer {
  readonly #seed: number;
  /** Also of endpoints that are away for now: who fails a probe and comes back resumes where it was. */
  readonly #turnOf: Map<Endpoint, Turn>;
  /** By place. */
  #turns: readonly Turn[];
  #totalWeight: number;
  /** The slot the next pick uses. */
  #slot: number;
  #open: DeadlineHeap;
  /** Timing wheel: the first place of each bucket. */
  #buckets: Int32Array;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#turnOf = new Map();
    this.#turns = [];
    this.#totalWeight = 0;
    this.#slot = 0;
    this.#open = new DeadlineHeap(0);
    this.#buckets = new Int32Array(0);
  }

  rebuild(available: readonly Endpoint[]): void {
    this.#saveLags();
    for (const endpoint of this.#turnOf.keys()) if (endpoint.removed) this.#turnOf.delete(endpoint);
    const first = available.length === 0 ? 0 : this.#seed % available.length;
    this.#restart([...available.slice(first), ...available.slice(0, first)].map((endpoint) => this.#turn(endpoint)));
  }

  pick(_hashKey: number, exclude: Endpoint | null): Endpoint | null {
    if (this.#turns.length < 2) return this.#turns[0]?.endpoint ?? null;
    // The excluded endpoint loses the turns it would have now; saving them up would owe it a burst later.
    let picked = this.#take();
    while (picked === exclude) picked = this.#take();
    return picked;
  }

  /** Uses one slot. */
  #take(): Endpoint {
    if (this.#slot > LAST_SLOT) this.#rewind();
    this.#openWindows();
    const place = this.#open.pop();
    const turn = this.#at(place);
    this.#slot += 1;
    turn.toNextWindow();
    this.#wait(place, turn);
    return turn.endpoint;
  }

  #at(place: number): Turn {
    return this.#turns[place] as Turn;
  }

  /** Puts a place into the wheel until its window opens; an overdue one until the next pick. */
  #wait(place: number, turn: Turn): void {
    const slot = turn.opensAt > this.#slot ? turn.opensAt : this.#slot;
    const bucket = slot & (this.#buckets.length - 1);
    turn.next = this.#buckets[bucket] ?? NOBODY;
    this.#buckets[bucket] = place;
  }

  /** Moves the places whose window is open in this slot from the wheel to the heap. */
  #openWindows(): void {
    const bucket = this.#slot & (this.#buckets.length - 1);
    let place = this.#buckets[bucket] ?? NOBODY;
    let kept = NOBODY;
    while (place !== NOBODY) {
      const turn = this.#at(place);
      const next = turn.next;
      if (turn.opensAt <= this.#slot) {
        const slots = Math.min(turn.closesAt - this.#slot, LONGEST_WINDOW);
        this.#open.push(place, (this.#slot + slots) * TIE_STEPS + turn.tie);
      } else {
        turn.next = kept;
        kept = place;
      }
      place = next;
    }
    this.#buckets[bucket] = kept;
  }

  #rewind(): void {
    this.#saveLags();
    this.#restart(this.#turns);
  }

  #saveLags(): void {
    for (const turn of this.#turns) {
      const slots = this.#slot - turn.opensAt - turn.opensAtRest / turn.weight;
      turn.lag = (slots * turn.weight) / this.#totalWeight;
    }
  }

  #turn(endpoint: Endpoint): Turn {
    let turn = this.#turnOf.get(endpoint);
    if (turn === undefined) {
      turn = new Turn(endpoint);
      this.#turnOf.set(endpoint, turn);
    }
    return turn;
  }

  /** Lays out the windows from slot 0 so that each turn has its lag, save what those who left took along: all share that. */
  #restart(turns: readonly Turn[]): void {
    const count = turns.length;
    let total = 0;
    let surplus = 0;
    for (const { endpoint, lag } of turns) {
      total += endpoint.weight;
      surplus += lag;
    }
    this.#turns = turns;
    this.#totalWeight = total;
    this.#slot = 0;
    this.#open = new DeadlineHeap(count);
    this.#buckets = new Int32Array(1 << (32 - Math.clz32(count))).fill(NOBODY);
    for (const [place, turn] of turns.entries()) {
      const weight = turn.endpoint.weight;
      const rests = Math.round((surplus * weight - turn.lag * total) * FINENESS) / FINENESS;
      turn.weight = weight;
      turn.windowSlots = Math.floor(total / weight);
      turn.windowRest = total % weight;
      turn.opensAt = Math.floor(rests / weight);
      turn.opensAtRest = rests - turn.opensAt * weight;
      turn.tie = Math.floor((place * TIE_STEPS) / count);
      this.#wait(place, turn);
    }
  }
}
