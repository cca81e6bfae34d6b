/** For how long connections are kept between probes, and how many may be. */
import type { ProbeClock } from './probe-clock.ts';

/** Requests need new connections too: from time to time a probe has to ask whether the endpoint still accepts any. */
export const MAX_AGE_MS = 60_000;

export class KeptConnections {
  readonly #clock: ProbeClock;
  readonly #max: number;
  #count: number;

  /** @param max what the limit of open files leaves; beyond it each probe opens a connection of its own */
  constructor(clock: ProbeClock, max: number) {
    this.#clock = clock;
    this.#max = max;
    this.#count = 0;
  }

  get count(): number {
    return this.#count;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** False: there are as many as may be. Who is told true has to `release` it once. */
  reserve(): boolean {
    if (this.#count >= this.#max) return false;
    this.#count++;
    return true;
  }

  release(): void {
    this.#count--;
  }
}
