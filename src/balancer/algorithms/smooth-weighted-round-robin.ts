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
 *
 * From some slot on the order repeats with the windows. Unless the period is very long, it is written down once the upstream
 * has taken so many picks, and a pick only reads it until the next rebuild.
 */
import type { Balancer } from '../balancer.ts';
import { DeadlineHeap } from '../deadline-heap.ts';
import type { Endpoint } from '../endpoint.ts';
import { FINENESS, NOBODY, Turn } from '../turn.ts';
import { periodOf, TurnCycle } from '../turn-cycle.ts';

/** Bounds the time of a pick after a failed attempt. */
const MAX_LOST_TURNS = 32;
/** Then time starts at 0 again. Together with the next two, keeps heap keys in 31 bits. */
const LAST_SLOT = 2 ** 20 - 1;
const NEVER = LAST_SLOT + 2;
/** A longer window (a share below one in a million) counts as this long when deadlines are compared. */
const LONGEST_WINDOW = 2 ** 20 - 1;
/** Equal deadlines are ordered by place, as finely as this allows. */
const TIE_STEPS = 2 ** 10;

/** Before the first pick, shared by all. */
const NO_TURNS: Map<Endpoint, Turn> = new Map();
const NO_HEAP: DeadlineHeap = new DeadlineHeap(0);
const NO_BUCKETS: Int32Array = new Int32Array(0);

export class SmoothWeightedRoundRobin implements Balancer {
  readonly #seed: number;
  /** Also of endpoints that are away for now: who fails a probe and comes back resumes where it was. */
  #turnOf: Map<Endpoint, Turn>;
  /** By place. */
  #turns: readonly Turn[];
  #fineTotal: number;
  /** What those who are here lag behind together (because of those who are away), per unit of fine weight. */
  #sharedLag: number;
  /** The slot the next pick uses. */
  #slot: number;
  #cycle: TurnCycle;
  /** The slots of the period that may be written down. */
  #period: number;
  /** The number of slots used after which they are written down. */
  #recordsFrom: number;
  /** The place `#findInLine` found last. */
  #inLine: number;
  #open: DeadlineHeap;
  /** Timing wheel: the first place of each bucket. */
  #buckets: Int32Array;
  /** What is laid out with the first pick: most upstreams of a large cluster get no requests for long. Null = it is. */
  #waiting: readonly Endpoint[] | null;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#turnOf = NO_TURNS;
    this.#turns = [];
    this.#fineTotal = 0;
    this.#sharedLag = 0;
    this.#slot = 0;
    this.#cycle = TurnCycle.NONE;
    this.#period = 0;
    this.#recordsFrom = NEVER;
    this.#inLine = 0;
    this.#open = NO_HEAP;
    this.#buckets = NO_BUCKETS;
    this.#waiting = [];
  }

  rebuild(available: readonly Endpoint[]): void {
    if (this.#waiting === null) this.#layOut(available);
    else this.#waiting = available;
  }

  pick(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    if (this.#turns.length < 2) return this.#pickOfFew(hashKey, tried);
    const picked = this.#take();
    return tried.length === 0 || !tried.includes(picked) ? picked : this.#pickOther(picked, tried);
  }

  observe(): void {
    // Turns do not depend on how long anything takes.
  }

  #pickOfFew(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    const waiting = this.#waiting;
    if (waiting === null) return this.#turns[0]?.endpoint ?? null;
    this.#waiting = null;
    this.#turnOf = new Map();
    this.#layOut(waiting);
    return this.pick(hashKey, tried);
  }

  #layOut(available: readonly Endpoint[]): void {
    this.#saveLags();
    for (const endpoint of this.#turnOf.keys()) if (endpoint.removed) this.#turnOf.delete(endpoint);
    const first = available.length === 0 ? 0 : this.#seed % available.length;
    this.#restart([...available.slice(first), ...available.slice(0, first)].map((endpoint) => this.#turn(endpoint)));
  }

  /** An endpoint that was tried loses the turns it would have now; saving them up would owe it a burst later. */
  #pickOther(picked: Endpoint, tried: readonly Endpoint[]): Endpoint {
    if (tried.length >= this.#turns.length && this.#findInLine(tried) === null) return picked;
    for (let lost = 1; lost <= MAX_LOST_TURNS; lost += 1) {
      const other = this.#take();
      if (!tried.includes(other)) return other;
    }
    return this.#findInLine(tried) ?? picked;
  }

  /** For tried endpoints with nearly all the weight: the others take their place one after the other, beside their turns. */
  #findInLine(tried: readonly Endpoint[]): Endpoint | null {
    const count = this.#turns.length;
    for (let step = 0; step < count; step += 1) {
      this.#inLine = (this.#inLine + 1) % count;
      const { endpoint } = this.#at(this.#inLine);
      if (!tried.includes(endpoint)) return endpoint;
    }
    return null;
  }

  /** Uses one slot. */
  #take(): Endpoint {
    return this.#cycle.closed ? this.#cycle.next() : this.#takeFirstInHeap();
  }

  #takeFirstInHeap(): Endpoint {
    if (this.#slot > LAST_SLOT) this.#rewind();
    this.#openWindows();
    const place = this.#open.pop();
    const turn = this.#at(place);
    this.#slot += 1;
    turn.toNextWindow();
    this.#wait(place, turn);
    if (this.#slot >= this.#recordsFrom) this.#record(place);
    return turn.endpoint;
  }

  /** Not from slot 0: after comings and goings some may have to catch up first, and few upstreams get so many picks. */
  #record(place: number): void {
    if (this.#slot > this.#recordsFrom) {
      if (!this.#cycle.record(place) || this.#cycle.closed) return;
      this.#recordsFrom = this.#slot;
    }
    this.#cycle = new TurnCycle(this.#turns, this.#period);
  }

  #at(place: number): Turn {
    const turn = this.#turns[place];
    if (turn === undefined) throw new RangeError(`no endpoint at place ${place}, there are ${this.#turns.length}`);
    return turn;
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
    this.#slot += this.#cycle.catchUp();
    for (const turn of this.#turns) {
      const slots = this.#slot - turn.opensAt - turn.opensAtRest / turn.fineWeight;
      turn.lag = (slots / this.#fineTotal + this.#sharedLag) * turn.fineWeight;
    }
  }

  #turn(endpoint: Endpoint): Turn {
    let turn = this.#turnOf.get(endpoint);
    if (turn === undefined) {
      turn = new Turn(endpoint, this.#sharedLag * endpoint.weightInForce * FINENESS);
      this.#turnOf.set(endpoint, turn);
    }
    return turn;
  }

  /**
   * Lays out the windows from slot 0 so that each turn keeps its lag, relative to what all lag behind together: only then
   * there is one pick a slot to share. The common part is added again by `#saveLags`, so nobody loses or gains by the
   * comings and goings of others.
   */
  #restart(turns: readonly Turn[]): void {
    const count = turns.length;
    let total = 0;
    let lag = 0;
    for (const turn of turns) {
      total += turn.endpoint.weightInForce;
      lag += turn.lag;
    }
    this.#turns = turns;
    this.#fineTotal = total * FINENESS;
    this.#sharedLag = count === 0 ? 0 : lag / this.#fineTotal;
    this.#slot = 0;
    this.#cycle = TurnCycle.NONE;
    this.#period = count < 2 ? 0 : periodOf(turns, total);
    this.#recordsFrom = this.#period === 0 ? NEVER : this.#period;
    this.#open = new DeadlineHeap(count);
    this.#buckets = new Int32Array(1 << (32 - Math.clz32(count))).fill(NOBODY);
    for (const [place, turn] of turns.entries()) {
      const weight = turn.endpoint.weightInForce;
      turn.fineWeight = weight * FINENESS;
      turn.windowSlots = Math.floor(total / weight);
      turn.windowRest = (total % weight) * FINENESS;
      // Plus 0, because a negative zero would be a boxed double again.
      const opensAt = Math.round((this.#sharedLag * turn.fineWeight - turn.lag) * this.#fineTotal) + 0;
      turn.opensAt = Math.floor(opensAt / turn.fineWeight);
      turn.opensAtRest = opensAt - turn.opensAt * turn.fineWeight;
      turn.tie = Math.floor((place * TIE_STEPS) / count);
      this.#wait(place, turn);
    }
  }
}
