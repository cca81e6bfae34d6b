/**
 * Where writes of one kind wait for their turn: so many a second, more at once after a quiet time, and none for a while after
 * the server said so. The server is shared by the whole cluster, and nothing we write is worth a storm.
 */
import { type Clock, pause } from './clock.ts';

export interface WriteRate {
  readonly perSecond: number;
  /** How many may go at once after a quiet time; at least 1. */
  readonly burst: number;
}

export class WriteGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #burst: number;
  /** When the next write would be due if there were no bursts. */
  #nextMs: number;
  #closedUntilMs: number;

  constructor(clock: Clock, rate: WriteRate) {
    this.#clock = clock;
    this.#intervalMs = 1000 / rate.perSecond;
    this.#burst = rate.burst;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.#closedUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Ends when it is the caller's turn, or on abort. */
  async turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const turnMs = Math.max(this.#nextMs, nowMs - (this.#burst - 1) * this.#intervalMs);
    this.#nextMs = turnMs + this.#intervalMs;
    if (turnMs > nowMs) await pause(this.#clock, turnMs - nowMs, signal);
    while (!signal.aborted) {
      const waitMs = this.#closedUntilMs - this.#clock.nowMs();
      if (waitMs <= 0) return;
      await pause(this.#clock, waitMs, signal);
    }
  }

  /** Lets nobody through for `delayMs`. */
  close(delayMs: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, this.#clock.nowMs() + delayMs);
  }
}
