/**
 * Lets requests in to an upstream as far as its limits allow; the others wait in line, first come, first served, for a
 * limited time and in limited number. What room is, is decided by who asks: here is the line.
 */
import type { RosterEntry } from '../model/roster.ts';
import type { UpstreamLimits } from '../model/upstream-policy.ts';

/** A request, as the line sees it. */
export interface Waiter {
  /** It is its turn. @returns false when there is no room for it yet: it stays at the head of the line */
  onRoom(): boolean;
  /**
   * It was taken out of the line.
   * @param overdue it has waited for as long as one may; else fewer may wait now, and it was the last
   */
  onSentAway(overdue: boolean): void;
}

/** One who waits: an element of a list, so that anyone may leave from anywhere. */
export interface Place {
  readonly waiter: Waiter;
  readonly sinceMs: number;
  previous: Place | null;
  next: Place | null;
}

export interface Ticked {
  onTick(nowMs: number): void;
}

/** The clock whose ticks end the waiting. */
export interface TickSource {
  readonly nowMs: number;
  watch(ticked: Ticked): RosterEntry<Ticked>;
}

export class Admission {
  /** Of this worker: its share. */
  limits: UpstreamLimits;
  /** Now, in line. */
  waiting: number;
  /** Found the line full, or stood at its end when it was made shorter. */
  rejected: number;
  timedOut: number;
  #head: Place | null;
  #tail: Place | null;
  /** While anybody waits. */
  #watch: RosterEntry<Ticked> | null;
  #admitting: boolean;

  constructor(limits: UpstreamLimits) {
    this.limits = limits;
    this.waiting = 0;
    this.rejected = 0;
    this.timedOut = 0;
    this.#head = null;
    this.#tail = null;
    this.#watch = null;
    this.#admitting = false;
  }

  /** Whether nobody stands before this one; `null` = somebody who is not in line yet. */
  isTurnOf(place: Place | null): boolean {
    return this.#head === place;
  }

  /** Null: the line is full. */
  join(waiter: Waiter, clock: TickSource): Place | null {
    if (this.waiting >= this.limits.maxPending) {
      this.rejected++;
      return null;
    }
    const place: Place = { waiter, sinceMs: clock.nowMs, previous: this.#tail, next: null };
    if (this.#tail === null) this.#head = place;
    else this.#tail.next = place;
    this.#tail = place;
    this.waiting++;
    this.#watch ??= clock.watch(this);
    return place;
  }

  /** Once for each place. */
  leave(place: Place): void {
    if (place.previous === null) this.#head = place.next;
    else place.previous.next = place.next;
    if (place.next === null) this.#tail = place.previous;
    else place.next.previous = place.previous;
    // Out of the list, and nothing that leads on from here: one that has become old would keep all behind it.
    place.previous = null;
    place.next = null;
    this.waiting--;
  }

  /** Something has become free. Hot where there are limits: nobody waits, as a rule. */
  admit(): void {
    // Whoever is let in may fail at once and call this again.
    if (this.#head === null || this.#admitting) return;
    this.#admitting = true;
    try {
      for (let head: Place | null = this.#head; head !== null && head.waiter.onRoom(); head = this.#head);
    } finally {
      this.#admitting = false;
    }
  }

  /** Also lets in whom nobody called: endpoints come back, and limits change. Those of now count for all in line. */
  onTick(nowMs: number): void {
    this.admit();
    for (let head = this.#head; head !== null && this.#isOverdue(head, nowMs); head = this.#head) {
      this.leave(head);
      this.timedOut++;
      head.waiter.onSentAway(true);
    }
    for (let tail = this.#tail; tail !== null && this.waiting > this.limits.maxPending; tail = this.#tail) {
      this.leave(tail);
      this.rejected++;
      tail.waiter.onSentAway(false);
    }
    if (this.#head !== null) return;
    this.#watch?.leave();
    this.#watch = null;
  }

  #isOverdue({ sinceMs }: Place, nowMs: number): boolean {
    return sinceMs + this.limits.pendingTimeoutMs <= nowMs;
  }
}
