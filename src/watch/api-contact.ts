/** Knows whether the API server can be used, and says so in the log: one warning when it cannot, then one a minute. */
import type { Logger } from '../log/logger.ts';
import type { Clock } from './clock.ts';

const REPEAT_MS = 60_000;

export class ApiContact {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #away: boolean;
  #lastContactMs: number | null;
  #lastWarnedMs: number | null;
  #warnedSinceContact: boolean;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#away = false;
    this.#lastContactMs = null;
    this.#lastWarnedMs = null;
    this.#warnedSinceContact = false;
  }

  get away(): boolean {
    return this.#away;
  }

  /** -1 = never. */
  get lastContactAgeMs(): number {
    return this.#lastContactMs === null ? -1 : this.#clock.nowMs() - this.#lastContactMs;
  }

  /** True when this ends an outage. */
  noteContact(): boolean {
    const wasAway = this.#away;
    this.#away = false;
    this.#lastContactMs = this.#clock.nowMs();
    if (wasAway && this.#warnedSinceContact) this.#logger.info('kubernetes api is back');
    this.#warnedSinceContact = false;
    return wasAway;
  }

  noteFailure(error: unknown): void {
    this.#away = true;
    const nowMs = this.#clock.nowMs();
    if (this.#lastWarnedMs !== null && nowMs - this.#lastWarnedMs < REPEAT_MS) return;
    this.#lastWarnedMs = nowMs;
    this.#warnedSinceContact = true;
    this.#logger.warn('kubernetes api cannot be used, keeping what is known', {
      error: error instanceof Error ? describe(error) : String(error),
      lastContactAgeMs: Math.round(this.lastContactAgeMs),
    });
  }
}

/** `fetch failed`-like messages say nothing without the cause; refused connections have an empty message and a code. */
function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const cause = error.cause instanceof Error ? error.cause.message : '';
  return [error.message, code, cause].filter((part) => part !== '').join(': ');
}
