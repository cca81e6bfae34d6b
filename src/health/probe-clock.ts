/** Time as a parameter of the prober, so that its tests need no waiting. */

export interface ProbeClock {
  /** Monotonic. */
  nowMs(): number;
  /** Runs `run` once after `delayMs`, without keeping the process alive. Returns its cancellation. */
  schedule(delayMs: number, run: () => void): () => void;
}

export const systemProbeClock: ProbeClock = {
  nowMs: () => performance.now(),
  schedule(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
