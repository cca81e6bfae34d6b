/**
 * Runs what a turn of the event loop has left to do, once, when all reads of the turn are handled: what many responses
 * have put together for one connection then goes out in one write. A microtask or `nextTick` would run after every single
 * read.
 */

export interface TurnEndListener {
  onTurnEnd(): void;
}

export class TurnEnd {
  readonly #run: () => void;
  #waiting: TurnEndListener[];
  #spare: TurnEndListener[];

  constructor() {
    this.#waiting = [];
    this.#spare = [];
    this.#run = () => this.#onEnd();
  }

  /** Each listener sees to it that it is added once. */
  add(listener: TurnEndListener): void {
    if (this.#waiting.push(listener) === 1) setImmediate(this.#run);
  }

  #onEnd(): void {
    const waiting = this.#waiting;
    // What is added meanwhile belongs to the next turn.
    this.#waiting = this.#spare;
    for (let at = 0; at < waiting.length; at++) (waiting[at] as TurnEndListener).onTurnEnd();
    waiting.length = 0;
    this.#spare = waiting;
  }
}
