/** Time as a parameter of the prober, so that its tests need no waiting. */

export interface ProbeClock {
  /** Monotonic. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  nowAt(): number;
  /** Runs `run` once after `delayMs`, without keeping the process alive. Returns its cancellation. */
  schedule(delayMs: number, run: () => void): () => void;
}

export const systemProbeClock: ProbeClock = {
  nowMs: () => performance.now(),
  nowAt: () => Date.now(),
  schedule(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
