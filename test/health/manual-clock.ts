/** A clock that moves only when a test says so. */
import type { Alarm, ProbeClock } from '../../src/health/probe-clock.ts';

export class ManualClock implements ProbeClock {
  readonly #alarms: Set<Alarm>;
  #nowMs: number;
  #waiting: ((delayMs: number) => void)[];

  constructor() {
    this.#alarms = new Set();
    this.#nowMs = 0;
    this.#waiting = [];
  }

  get pending(): number {
    return this.#alarms.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  nowAt(): number {
    return 1_000_000 + this.#nowMs;
  }

  set(alarm: Alarm, delayMs: number): void {
    alarm.dueMs = this.#nowMs + Math.max(0, delayMs);
    // Those set last ring last, of several that are due at the same time.
    this.#alarms.delete(alarm);
    this.#alarms.add(alarm);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(delayMs);
  }

  clear(alarm: Alarm): void {
    this.#alarms.delete(alarm);
    alarm.dueMs = Number.POSITIVE_INFINITY;
  }

  /** Of the alarm that is due first; infinite without one. */
  get nextDueMs(): number {
    return Math.min(...Array.from(this.#alarms, ({ dueMs }) => dueMs));
  }

  moveTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Moves to the alarm that is due first and rings it. */
  runNext(): void {
    const [next] = [...this.#alarms].toSorted((a, b) => a.dueMs - b.dueMs);
    if (next === undefined) throw new Error('no alarm is set');
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    this.clear(next);
    next.onAlarm();
  }

  /** Resolves with the delay of the next alarm that anybody sets. */
  nextSchedule(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
