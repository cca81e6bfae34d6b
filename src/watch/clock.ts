/** Time as a parameter, so that tests of back-off, watchdogs and coalescing need no waiting. */

export interface Clock {
  /** Monotonic. */
  nowMs(): number;
  /** Runs `run` once after `delayMs`; 0 or less means: as soon as the I/O events at hand are done. Returns its cancellation. */
  schedule(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  schedule(delayMs: number, run: () => void): () => void {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
