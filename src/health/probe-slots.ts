/** Bounds how many probes run at once; the others start in the order they asked. */

export interface SlotUser {
  /** Must call `leave` later, not before it returns. */
  onSlot(): void;
}

export class ProbeSlots {
  readonly #capacity: number;
  readonly #running: Set<SlotUser>;
  /** A set keeps its order, and one that gives up leaves it without a search. */
  readonly #waiting: Set<SlotUser>;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#running = new Set();
    this.#waiting = new Set();
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(user: SlotUser): void {
    if (this.#running.size < this.#capacity) this.#start(user);
    else this.#waiting.add(user);
  }

  /** Gives the slot, or the place in the queue, back; does nothing for those that have neither. */
  leave(user: SlotUser): void {
    this.#waiting.delete(user);
    if (!this.#running.delete(user)) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#start(next);
  }

  #start(user: SlotUser): void {
    this.#running.add(user);
    user.onSlot();
  }
}
