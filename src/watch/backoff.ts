/** How long to wait after a failure: exponential with jitter, in client-go's figures. Where to wait is `retry-gate.ts`. */

export interface BackoffSettings {
  readonly baseMs: number;
  readonly capMs: number;
  /** Without a failure for this long, the next one counts as the first. */
  readonly resetAfterMs: number;
}

/** With the factor in [1, 2) the longest delay is 30 to 60 s. */
export const DEFAULT_BACKOFF: BackoffSettings = { baseMs: 800, capMs: 30_000, resetAfterMs: 120_000 };

export class Backoff {
  readonly #settings: BackoffSettings;
  readonly #random: () => number;
  #failures: number;
  #lastFailureMs: number;

  /** `random` in [0, 1). */
  constructor(settings: BackoffSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
    this.#failures = 0;
    this.#lastFailureMs = 0;
  }

  /** Counts a failure and answers the delay before the next attempt. */
  nextDelayMs(nowMs: number): number {
    const { baseMs, capMs, resetAfterMs } = this.#settings;
    if (nowMs - this.#lastFailureMs > resetAfterMs) this.#failures = 0;
    this.#lastFailureMs = nowMs;
    const delayMs = Math.min(capMs, baseMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return delayMs * (1 + this.#random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
