/** For how long connections are kept between probes, and how many may be: those set aside for it, and what can be borrowed. */
import type { ProbeClock } from './probe-clock.ts';

/** Requests need new connections too: from time to time a probe has to ask whether the endpoint still accepts any. */
export const MAX_AGE_MS = 60_000;

/** Where a kept connection has its file from. */
export type Place = 'none' | 'own' | 'borrowed';

/** Lends files beyond those that are set aside. */
export interface FileLender {
  readonly max: number;
  /** Whoever they belong to may need them soon: nothing is to be borrowed, and what was is to be given back. */
  readonly isWanted: boolean;
  /** From now on so many are borrowed in all. */
  lend(files: number): void;
}

export class KeptConnections {
  readonly #clock: ProbeClock;
  readonly #max: number;
  readonly #lender: FileLender | null;
  #own: number;
  #borrowed: number;

  /**
   * Beyond what may be kept each probe opens a connection of its own.
   * @param max what is set aside of the limit of open files
   */
  constructor(clock: ProbeClock, max: number, lender: FileLender | null) {
    this.#clock = clock;
    this.#max = max;
    this.#lender = lender;
    this.#own = 0;
    this.#borrowed = 0;
  }

  get count(): number {
    return this.#own + this.#borrowed;
  }

  /** Those that are borrowed serve no further probe. */
  get mustReturn(): boolean {
    return this.#lender?.isWanted === true;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** None: there are as many as may be. Any other has to be released once. */
  reserve(): Place {
    if (this.#own < this.#max) {
      this.#own++;
      return 'own';
    }
    const lender = this.#lender;
    if (lender === null || this.#borrowed >= lender.max || lender.isWanted) return 'none';
    lender.lend(++this.#borrowed);
    return 'borrowed';
  }

  release(place: Place): void {
    if (place === 'own') this.#own--;
    else if (place === 'borrowed') this.#lender?.lend(--this.#borrowed);
  }
}
