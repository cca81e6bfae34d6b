/** The real clock, until it is halted: time goes on then, and nothing that was scheduled runs. As in a process that was stopped. */
import { type Clock, systemClock } from '../../src/watch/clock.ts';

export class HaltableClock implements Clock {
  #halted = false;

  halt(): void {
    this.#halted = true;
  }

  nowMs(): number {
    return systemClock.nowMs();
  }

  schedule(delayMs: number, run: () => void): () => void {
    return systemClock.schedule(delayMs, () => {
      if (!this.#halted) run();
    });
  }
}
