/**
 * One clock for a worker: monotonic milliseconds, refreshed a few times a second, and the sweep that enforces every
 * deadline. No request ever owns a timer. Also keeps the `Date` field of the current second.
 */
import { Roster, type RosterEntry } from '../model/roster.ts';

/** Deadlines are enforced up to this much late. */
export const TICK_MS = 100;

/** Whoever leaves is not watched any more. */
export type Watch = RosterEntry<Sweepable>;

export interface Sweepable {
  /** Called at every tick; acts when its deadline has passed. */
  onTick(nowMs: number): void;
}

export class CoarseClock {
  nowMs: number;
  /** `Date: … CRLF`, at most one second old (RFC 9110 §6.6.1). */
  dateLine: string;
  readonly #watched: Roster<Sweepable>;
  #leader: Sweepable | null;
  readonly #sweep: (sweepable: Sweepable) => void;
  readonly #startMs: number;
  readonly #timer: NodeJS.Timeout;
  #dateSecond: number;

  constructor() {
    this.#startMs = performance.now();
    this.nowMs = 1;
    this.dateLine = '';
    this.#dateSecond = 0;
    this.#watched = new Roster();
    this.#leader = null;
    this.#sweep = (sweepable) => sweepable.onTick(this.nowMs);
    this.#refreshDate();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Is told of each tick before anybody else, who may build on what it makes of it. */
  lead(leader: Sweepable): void {
    this.#leader = leader;
  }

  /** In no order. */
  watch(sweepable: Sweepable): Watch {
    return this.#watched.add(sweepable);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.nowMs = Math.floor(performance.now() - this.#startMs) + 1;
    this.#refreshDate();
    this.#leader?.onTick(this.nowMs);
    this.#watched.forEach(this.#sweep);
  }

  #refreshDate(): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second === this.#dateSecond) return;
    this.#dateSecond = second;
    this.dateLine = `Date: ${new Date(now).toUTCString()}\r\n`;
  }
}
