/**
 * Runs what a turn of the event loop has left to do, once, when all reads of the turn are handled: what many responses
 * have put together for one connection then goes out in one write, and writes of many connections go out one after the
 * other (`docs/adr/0054-writes-at-the-end-of-a-turn.md`). A microtask or `nextTick` would run after every single read.
 */

export interface TurnEndListener {
  onTurnEnd(): void;
}

export class TurnEnd {
  readonly #run: () => void;
  readonly #atMost: number;
  #waiting: TurnEndListener[];
  #spare: TurnEndListener[];
  #scheduled: boolean;
  #ending: boolean;

  /** @param atMost as many may wait: the last one ends the turn for all of them */
  constructor(atMost: number = Number.POSITIVE_INFINITY) {
    this.#waiting = [];
    this.#spare = [];
    this.#atMost = atMost;
    this.#scheduled = false;
    this.#ending = false;
    this.#run = () => {
      this.#scheduled = false;
      this.end();
    };
  }

  /** Each listener sees to it that it is added once. */
  add(listener: TurnEndListener): void {
    if (this.#waiting.push(listener) >= this.#atMost && !this.#ending) this.end();
    else this.#schedule();
  }

  /** For those that wait the turn is over: before work that takes a while. */
  end(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.#ending) return;
    this.#ending = true;
    // What is added meanwhile belongs to the next turn.
    this.#waiting = this.#spare;
    let at = 0;
    try {
      while (at < waiting.length) (waiting[at++] as TurnEndListener).onTurnEnd();
    } finally {
      // Who throws takes nobody else along.
      if (at < waiting.length) {
        this.#waiting.push(...waiting.slice(at));
        this.#schedule();
      }
      waiting.length = 0;
      this.#spare = waiting;
      this.#ending = false;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }
}
