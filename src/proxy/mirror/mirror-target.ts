/**
 * One target of copies: its connections, how many copies are under way to it, and the circuit that pauses it while it fails, so
 * that a target that is down costs a comparison for each request and nothing else.
 */
import type { Pool } from 'undici';
import type { MirrorDrop } from '../../model/mirror.ts';

/** Copies at once to one target, each on its own connection. */
export const MAX_COPIES_PER_TARGET = 64;

/** So many failures in a row pause it. */
const FAILURES_TO_PAUSE = 5;
/** The first pause; each that follows a failed trial is twice as long, up to the longest. */
const PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;

export class MirrorTarget {
  readonly origin: string;
  readonly pool: Pool;
  inFlight: number;
  #failures: number;
  #pauseMs: number;
  #pausedUntilMs: number;

  constructor(origin: string, pool: Pool) {
    this.origin = origin;
    this.pool = pool;
    this.inFlight = 0;
    this.#failures = 0;
    this.#pauseMs = PAUSE_MS;
    this.#pausedUntilMs = 0;
  }

  /** Why it takes no copy now; null = it does. After a pause one copy tries it, alone. */
  refusal(nowMs: number): MirrorDrop | null {
    if (this.#failures >= FAILURES_TO_PAUSE && (nowMs < this.#pausedUntilMs || this.inFlight > 0)) return 'paused';
    return this.inFlight >= MAX_COPIES_PER_TARGET ? 'busy' : null;
  }

  /** @returns whether this failure paused it */
  record(answered: boolean, nowMs: number): boolean {
    if (answered) {
      this.#failures = 0;
      this.#pauseMs = PAUSE_MS;
      return false;
    }
    this.#failures++;
    // Those that were under way when it was paused say nothing new.
    if (this.#failures < FAILURES_TO_PAUSE || nowMs < this.#pausedUntilMs) return false;
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
    return true;
  }
}
