/** Time as a parameter, so that tests of back-off, watchdogs and coalescing need no waiting. */

export interface Clock {
  /** Monotonic. */
  nowMs(): number;
  /** Runs `run` once after `delayMs`; 0 or less means: as soon as the I/O events at hand are done. Returns its cancellation. */
  schedule(delayMs: number, run: () => void): () => void;
}

/** Ends after `delayMs` or on abort, whichever comes first; never rejects. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.schedule(delayMs, finish);
    signal.addEventListener('abort', finish);
  });
}

/** Runs `work` with a signal that aborts after `limitMs`, or with `signal`. */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const cancel = clock.schedule(limitMs, () => deadline.abort(new Error(`no answer within ${limitMs} ms`)));
  try {
    return await work(AbortSignal.any([signal, deadline.signal]));
  } finally {
    cancel();
  }
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
