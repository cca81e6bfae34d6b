/**
 * What the requests of one release told in this worker, on all its routes. Plain numbers: the data plane adds, and whoever
 * judges the release reads. Hot for routes of a release; others never come here.
 */
import { LATENCY_BUCKET_COUNT, type ReleaseFigures, type SideFigures, toLatencyBucket } from '../model/release.ts';

export class SideCounts {
  #requests: number;
  #failures: number;
  readonly #latency: Float64Array;

  constructor() {
    this.#requests = 0;
    this.#failures = 0;
    this.#latency = new Float64Array(LATENCY_BUCKET_COUNT);
  }

  countFailure(): void {
    this.#requests++;
    this.#failures++;
  }

  countAnswer(durationMs: number): void {
    this.#requests++;
    const bucket = toLatencyBucket(durationMs);
    this.#latency[bucket] = (this.#latency[bucket] as number) + 1;
  }

  /** An answer whose duration says nothing. */
  countUntimed(): void {
    this.#requests++;
  }

  toFigures(): SideFigures {
    return { requests: this.#requests, failures: this.#failures, latency: [...this.#latency] };
  }
}

export class ReleaseCounts {
  readonly id: string;
  /** Several canaries of a route: the main upstream is compared with each of them. */
  readonly stable: SideCounts;
  readonly canary: SideCounts;

  constructor(id: string) {
    this.id = id;
    this.stable = new SideCounts();
    this.canary = new SideCounts();
  }

  toFigures(): ReleaseFigures {
    return { id: this.id, stable: this.stable.toFigures(), canary: this.canary.toFigures() };
  }
}
