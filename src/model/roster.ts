/**
 * Those of many who are there now, in no order, where they come and go with every connection or request. A `Set` keeps
 * them longer: each table it outgrows points to the next, and one that has become old keeps all behind it, and everybody
 * who ever stood in them, from the collection of young objects (`docs/adr/0055-nothing-outlives-its-connection.md`).
 */

/** Of a member, who keeps it in order to leave. */
export class RosterEntry<Member> {
  readonly member: Member;
  readonly #all: RosterEntry<Member>[];
  /** -1: left. */
  #at: number;

  constructor(member: Member, all: RosterEntry<Member>[]) {
    this.member = member;
    this.#all = all;
    this.#at = all.push(this) - 1;
  }

  /** Safe to call again. */
  leave(): void {
    const at = this.#at;
    if (at === -1) return;
    this.#at = -1;
    const last = this.#all.pop() as RosterEntry<Member>;
    if (last === this) return;
    this.#all[at] = last;
    last.#at = at;
  }
}

export class Roster<Member> {
  readonly #entries: RosterEntry<Member>[];

  constructor() {
    this.#entries = [];
  }

  get size(): number {
    return this.#entries.length;
  }

  add(member: Member): RosterEntry<Member> {
    return new RosterEntry(member, this.#entries);
  }

  /** Whoever is there from beginning to end is visited, now and then twice, and nobody who has left; `visit` may add and remove. */
  forEach(visit: (member: Member) => void): void {
    // From the end: what moves to a free place was there before.
    for (let at = this.#entries.length - 1; at >= 0; at--) {
      const entry = this.#entries[at];
      if (entry !== undefined) visit(entry.member);
    }
  }
}
