/** Medians, percentiles and ratios, as the reports use them. */

/** NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * The smallest value that at least `percent` of all do not exceed; NaN for no values.
 * @param percent above 0, at most 100
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}
