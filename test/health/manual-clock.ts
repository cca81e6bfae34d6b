/** A clock that moves only when a test says so. */
import type { ProbeClock } from '../../src/health/probe-clock.ts';

interface Timer {
  readonly dueMs: number;
  run(): void;
}

export class ManualClock implements ProbeClock {
  readonly #timers: Set<Timer>;
  #nowMs: number;
  #waiting: ((delayMs: number) => void)[];

  constructor() {
    this.#timers = new Set();
    this.#nowMs = 0;
    this.#waiting = [];
  }

  get pending(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  nowAt(): number {
    return 1_000_000 + this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(delayMs);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Of the timer that is due first; infinite without one. */
  get nextDueMs(): number {
    return Math.min(...Array.from(this.#timers, ({ dueMs }) => dueMs));
  }

  moveTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Moves to the timer that is due first and runs it. */
  runNext(): void {
    const [next] = [...this.#timers].toSorted((a, b) => a.dueMs - b.dueMs);
    if (next === undefined) throw new Error('no timer is scheduled');
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    next.run();
  }

  /** Resolves with the delay of the next timer that anybody schedules. */
  nextSchedule(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
