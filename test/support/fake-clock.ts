/** A clock that stands still until a test moves it; what was scheduled runs in order while it moves. */

interface Scheduled {
  readonly atMs: number;
  readonly run: () => void;
}

export class FakeClock {
  #nowMs = 0;
  #scheduled: Scheduled[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const entry: Scheduled = { atMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#scheduled.push(entry);
    return () => {
      this.#scheduled = this.#scheduled.filter((each) => each !== entry);
    };
  }

  get pending(): number {
    return this.#scheduled.length;
  }

  /** Whether something is to run exactly then. */
  isDueIn(delayMs: number): boolean {
    return this.#scheduled.some(({ atMs }) => atMs === this.#nowMs + delayMs);
  }

  advanceTo(atMs: number): void {
    for (;;) {
      const due = this.#scheduled.filter((each) => each.atMs <= atMs);
      const next = due.reduce<Scheduled | null>((a, b) => (a === null || b.atMs < a.atMs ? b : a), null);
      if (next === null) break;
      this.#scheduled = this.#scheduled.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = atMs;
  }
}
