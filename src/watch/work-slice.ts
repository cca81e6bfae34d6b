/** Lets other work run between slices of a long synchronous job: narrowing 10,000 objects must not stop everything else. */

const SLICE_MS = 10;

export class WorkSlice {
  #startedMs: number;

  constructor() {
    this.#startedMs = performance.now();
  }

  /** True when this slice has worked long enough; then `await next()`. */
  get spent(): boolean {
    return performance.now() - this.#startedMs > SLICE_MS;
  }

  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    this.#startedMs = performance.now();
  }
}
