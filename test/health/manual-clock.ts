/** A clock that moves only when a test says so. */
import type { Alarm, ProbeClock } from '../../src/health/probe-clock.ts';

export class ManualClock implements ProbeClock {
  /** When each is due; those set last ring last, of several that are due at the same time. */
  readonly #alarms: Map<Alarm, number>;
  #nowMs: number;
  #waiting: ((delayMs: number) => void)[];

  constructor() {
    this.#alarms = new Map();
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

  set(alarm: Alarm, atMs: number): void {
    this.#alarms.delete(alarm);
    this.#alarms.set(alarm, Math.max(atMs, this.#nowMs));
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(atMs - this.#nowMs);
  }

  setRoughly(alarm: Alarm, atMs: number): void {
    this.set(alarm, atMs);
  }

  clear(alarm: Alarm): void {
    this.#alarms.delete(alarm);
  }

  /** Of the alarm that is due first; infinite without one. */
  get nextDueMs(): number {
    return Math.min(...this.#alarms.values());
  }

  moveTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Moves to the alarm that is due first and rings it. */
  runNext(): void {
    let next: Alarm | null = null;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [alarm, dueMs] of this.#alarms) {
      if (dueMs >= nextMs) continue;
      next = alarm;
      nextMs = dueMs;
    }
    if (next === null) throw new Error('no alarm is set');
    this.moveTo(nextMs);
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
