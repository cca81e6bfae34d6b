/**
 * Bounds how many probes open connections at once and begin to at once, and shares the slots between upstreams: endpoints that
 * swallow probes hold each for its whole time limit, and must not keep those of others waiting.
 */

/** What a turn of the event loop begins, the next ones can finish; and answers that wait are read in between. */
const STARTS_PER_TURN = 8;

export interface SlotUser {
  /** Whose share it takes from: the id of an upstream. */
  readonly party: string;
  /** @param slots where it has one now, and must `leave` later, not before this returns */
  onSlot(slots: ProbeSlots): void;
}

interface Party {
  readonly name: string;
  running: number;
  /** A set keeps its order, and one that gives up leaves it without a search. */
  readonly waiting: Set<SlotUser>;
}

/**
 * A party may start another probe while it runs fewer than there are slots free. Alone it gets half of them, next to `n` that
 * want more than they get one in `n + 2`; so there is always some room for who has none, without a share set aside for each.
 */
export class ProbeSlots {
  readonly #capacity: number;
  readonly #running: Set<SlotUser>;
  readonly #parties: Map<string, Party>;
  /** Those with somebody waiting, in the order of their turns. */
  readonly #turns: Set<Party>;
  readonly #nextTurn: (run: () => void) => void;
  #waiting: number;
  /** In this turn of the event loop. */
  #starts: number;

  /** @param nextTurn calls back once in the next turn of the event loop */
  constructor(capacity: number, nextTurn: (run: () => void) => void) {
    this.#capacity = capacity;
    this.#nextTurn = nextTurn;
    this.#starts = 0;
    this.#running = new Set();
    this.#parties = new Map();
    this.#turns = new Set();
    this.#waiting = 0;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  enter(user: SlotUser): void {
    const party = this.#partyOf(user);
    if (this.#mayStart(party)) return this.#start(user, party);
    party.waiting.add(user);
    this.#turns.add(party);
    this.#waiting++;
  }

  /** Gives the slot, or the place in the queue, back; does nothing for those that have neither. */
  leave(user: SlotUser): void {
    const party = this.#parties.get(user.party);
    if (party === undefined) return;
    if (this.#running.delete(user)) {
      party.running--;
      this.#startNext();
    } else this.#unqueue(user, party);
    if (party.running === 0 && party.waiting.size === 0) this.#parties.delete(party.name);
  }

  #partyOf(user: SlotUser): Party {
    let party = this.#parties.get(user.party);
    if (party === undefined) {
      party = { name: user.party, running: 0, waiting: new Set() };
      this.#parties.set(party.name, party);
    }
    return party;
  }

  #mayStart(party: Party): boolean {
    return this.#starts < STARTS_PER_TURN && party.running < this.#capacity - this.#running.size;
  }

  #start(user: SlotUser, party: Party): void {
    if (this.#starts++ === 0) this.#nextTurn(() => this.#onTurn());
    this.#running.add(user);
    party.running++;
    user.onSlot(this);
  }

  #onTurn(): void {
    this.#starts = 0;
    let before: number;
    do {
      before = this.#starts;
      this.#startNext();
    } while (this.#starts > before);
  }

  /** One for each party at most: one more slot is not room for more. */
  #startNext(): void {
    for (let left = this.#turns.size; left > 0 && this.#running.size < this.#capacity; left--) {
      const [party] = this.#turns;
      if (party === undefined) return;
      this.#turns.delete(party);
      this.#turns.add(party);
      const [user] = party.waiting;
      if (user === undefined || !this.#mayStart(party)) continue;
      this.#unqueue(user, party);
      this.#start(user, party);
    }
  }

  #unqueue(user: SlotUser, party: Party): void {
    if (!party.waiting.delete(user)) return;
    this.#waiting--;
    if (party.waiting.size === 0) this.#turns.delete(party);
  }
}
