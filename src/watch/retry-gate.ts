/**
 * Where all reflectors of one source wait before they try again: it spaces their attempts, so that an outage of ten
 * reflectors is not ten storms, and wakes those that wait for the server as soon as one of them has reached it.
 */
import type { Clock } from './clock.ts';

interface Waiter {
  readonly untilContact: boolean;
  wake(): void;
}

export class RetryGate {
  readonly #clock: Clock;
  readonly #spacingMs: number;
  readonly #waiters: Set<Waiter>;
  #nextFreeMs: number;

  /** `spacingMs` lies at least between two attempts that left the gate. */
  constructor(clock: Clock, spacingMs: number) {
    this.#clock = clock;
    this.#spacingMs = spacingMs;
    this.#waiters = new Set();
    this.#nextFreeMs = 0;
  }

  /** Ends after `delayMs` (later if others go first), on abort, or with `untilContact` soon after `noteContact`. */
  async wait(delayMs: number, untilContact: boolean, signal: AbortSignal): Promise<void> {
    await this.#sleep(delayMs, untilContact, signal);
    const nowMs = this.#clock.nowMs();
    const turnMs = Math.max(nowMs, this.#nextFreeMs);
    this.#nextFreeMs = turnMs + this.#spacingMs;
    if (turnMs > nowMs) await this.#sleep(turnMs - nowMs, false, signal);
  }

  /** The server answered somebody: those who wait only because it was away need not wait any longer. */
  noteContact(): void {
    for (const waiter of this.#waiters) if (waiter.untilContact) waiter.wake();
  }

  #sleep(delayMs: number, untilContact: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted || delayMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.#clock.schedule(delayMs, finish);
      const waiter: Waiter = { untilContact, wake: finish };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', finish);
    });
  }
}
