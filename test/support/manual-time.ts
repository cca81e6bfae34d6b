/** Time as the proxies of this process see it: it passes when a test says so, and what is due then happens at once. */
import type { mock } from 'node:test';
import { TICK_MS } from '../../src/proxy/coarse-clock.ts';

export class ManualTime {
  readonly #mock: typeof mock;
  #nowMs: number;

  /** For proxies that are made after it, until `tracker` is reset: that of a test is when the test ends. */
  constructor(tracker: typeof mock) {
    this.#mock = tracker;
    // Whole milliseconds add up without rounding.
    this.#nowMs = Math.ceil(performance.now());
    tracker.method(performance, 'now', () => this.#nowMs);
    tracker.timers.enable({ apis: ['setInterval'] });
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    this.#mock.timers.tick(TICK_MS);
  }
}
