/** Figures of a latency measurement, for people to read. */

/** Nearest rank; `share` in (0, 1]. */
export function percentile(samplesMs: readonly number[], share: number): number {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}

/** `p50 4.1 ms, p99 7.9 ms, max 8.0 ms of 100`. */
export function describeLatency(samplesMs: readonly number[]): string {
  const at = (share: number): string => percentile(samplesMs, share).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms of ${samplesMs.length}`;
}
