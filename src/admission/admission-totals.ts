/** What the webhook has counted since the start; read by the metrics. */

/** `ignored`: allowed because it is none of our business. `failed`: no review was answered. */
export type AdmissionResult = 'allowed' | 'warned' | 'denied' | 'ignored' | 'failed';

/** Upper bounds in seconds; what took longer has a place of its own at the end. */
const BOUNDS_SECONDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];

export class AdmissionTotals {
  readonly boundsSeconds: readonly number[] = BOUNDS_SECONDS;
  readonly results: Record<AdmissionResult, number>;
  /** One for each bound and one for the rest, not cumulative. */
  readonly durationCounts: number[];
  durationSumSeconds: number;

  constructor() {
    this.results = { allowed: 0, warned: 0, denied: 0, ignored: 0, failed: 0 };
    this.durationCounts = [...BOUNDS_SECONDS, 0].map(() => 0);
    this.durationSumSeconds = 0;
  }

  count(result: AdmissionResult): void {
    this.results[result]++;
  }

  observe(seconds: number): void {
    const place = BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    const at = place === -1 ? BOUNDS_SECONDS.length : place;
    this.durationCounts[at] = (this.durationCounts[at] ?? 0) + 1;
    this.durationSumSeconds += seconds;
  }
}
