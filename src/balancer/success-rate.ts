/** Which endpoints of an upstream answer clearly worse than the others did in the same time. Pure. */

export interface SuccessCount {
  readonly requests: number;
  readonly successes: number;
}

/** Standard errors between two shares: chance alone exceeds it once in about 700 comparisons. */
const SIGNIFICANCE = 3;

/**
 * Compares the share of successes of each endpoint with that of all others together, the worst first; those found are left
 * out of what the next ones are compared with, or two bad ones would excuse each other. Works from two endpoints on, unlike
 * a distance from the mean in standard deviations, which a single one among four cannot reach.
 * @param gap least difference in percentage points
 * @param minRequests below which an endpoint, or the rest, says too little
 * @returns outliers, the worst first
 */
export function findOutliers<T extends SuccessCount>(
  counts: readonly T[],
  gap: number,
  minRequests: number,
): readonly T[] {
  const judged = counts.filter(({ requests }) => requests >= minRequests && requests > 0);
  let requests = 0;
  let successes = 0;
  for (const count of counts) {
    requests += count.requests;
    successes += count.successes;
  }
  const outliers: T[] = [];
  for (const count of judged.toSorted((a, b) => a.successes / a.requests - b.successes / b.requests)) {
    const others = { requests: requests - count.requests, successes: successes - count.successes };
    if (others.requests < minRequests || !isWorse(count, others, gap)) continue;
    outliers.push(count);
    ({ requests, successes } = others);
  }
  return outliers;
}

/** Two shares, and the standard error of their difference if there were none (pooled two-proportion test). */
function isWorse(one: SuccessCount, others: SuccessCount, gap: number): boolean {
  const difference = others.successes / others.requests - one.successes / one.requests;
  if (difference * 100 < gap) return false;
  const pooled = (one.successes + others.successes) / (one.requests + others.requests);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / one.requests + 1 / others.requests));
  return difference > SIGNIFICANCE * error;
}
