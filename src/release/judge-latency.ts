/**
 * Whether a canary answers more slowly than stable at a quantile, by more than an allowed ratio; and where the quantiles are.
 *
 * For one bucket j in which stable's quantile may be, two things have to be seen together: that it is not (the share of
 * stable's answers above the bucket's lower bound is too small), or else that the canary's is above `ratio` times the bucket's
 * upper bound (the share of its answers there is too large). The product of both e-values holds for the bucket in which the
 * quantile is; which one that is nobody knows, so the smallest product counts. As the true one is never below the smallest,
 * nothing has to be divided among buckets.
 */
import { LATENCY_BUCKET_COUNT, latencyBoundMs } from '../model/release.ts';
import { type BetaMixture, type Count, logEvidence, logLikelihood, logSum, toAmount } from './beta-mixture.ts';

/** Answers by duration, and how many lie above each bound. */
export interface Durations {
  readonly answers: number;
  /** `above[j]`: with a duration above the upper bound of bucket j. */
  readonly above: readonly number[];
}

export function toDurations(buckets: readonly number[]): Durations {
  const above = Array.from<number>({ length: LATENCY_BUCKET_COUNT }).fill(0);
  let answers = 0;
  for (let bucket = LATENCY_BUCKET_COUNT - 1; bucket >= 0; bucket -= 1) {
    above[bucket] = answers;
    answers += toAmount(buckets[bucket]);
  }
  return { answers, above };
}

function countAbove({ answers, above }: Durations, bucket: number): Count {
  if (bucket < 0) return { hits: answers, trials: answers };
  return { hits: above[bucket] ?? 0, trials: answers };
}

/**
 * Estimate of a quantile in milliseconds, between the bounds of its bucket as if logarithms were spread evenly there; null
 * without answers. What took longer than the last bound counts as having taken that.
 */
export function toQuantileMs(durations: Durations, quantile: number): number | null {
  const { answers, above } = durations;
  if (answers === 0) return null;
  const tail = (1 - quantile) * answers;
  const bucket = Math.max(
    0,
    above.findIndex((hits) => hits <= tail),
  );
  const inside = countAbove(durations, bucket - 1).hits - countAbove(durations, bucket).hits;
  const within = inside > 0 ? Math.min((countAbove(durations, bucket - 1).hits - tail) / inside, 1) : 1;
  const lowerMs = latencyBoundMs(bucket - 1);
  const upperMs = latencyBoundMs(bucket);
  return Number.isFinite(upperMs) ? lowerMs * (upperMs / lowerMs) ** within : lowerMs;
}

/** How many buckets further on the bound is that is at least `ratio` times as high. */
function bucketsApart(ratio: number): number {
  return Math.max(0, Math.ceil(Math.log2(ratio) / Math.log2(latencyBoundMs(1) / latencyBoundMs(0)) - ROUNDING));
}

/** So that twice as long is the bound of twice as long. */
const ROUNDING = 1e-9;

/** The last bucket whose lower bound at least a share `tail` of the answers exceeds. */
function firstBucketAt({ answers, above }: Durations, tail: number): number {
  const bound = above.findIndex((hits) => hits / answers < tail);
  return bound < 0 ? LATENCY_BUCKET_COUNT - 1 : bound;
}

/** What each e-value is worth where its side says nothing: then the other one alone decides, and pays a little for that. */
const STABLE_SILENT = 0.75;
const CANARY_SILENT = 0.05;

/** Shares of stable's answers that are below `tail`: by the ratio by which slow answers usually get fewer, or by anything. */
function lowerShares(tail: number): BetaMixture {
  const mean = tail * (1 - 0.4 * (1 - tail));
  return [
    { weight: 0.7, mean, trials: 10 / mean },
    { weight: 0.3, mean: tail / 4, trials: 4 },
  ];
}

function higherShares(tail: number): BetaMixture {
  const mean = tail * (1 + 0.7 * (1 - tail));
  return [
    { weight: 0.7, mean, trials: 8 / mean },
    { weight: 0.3, mean: (1 + tail) / 2, trials: 2 },
  ];
}

/** Log of an e-value against "the share of hits is at least / at most `tail`"; what is `silent` where it is. */
function logTailEvidence(count: Count, tail: number, [mixture, silent]: readonly [BetaMixture, number]): number {
  const loud = logEvidence(count, mixture) - logLikelihood(count, tail);
  return logSum(Math.log(silent), Math.log(1 - silent) + loud);
}

/** Log of the smallest product (see above); 0 where nothing speaks against the canary, at most `enough`. */
export function logLatencyEvidence(
  stable: Durations,
  canary: Durations,
  { quantile, ratio }: { readonly quantile: number; readonly ratio: number },
  enough: number,
): number {
  if (stable.answers === 0 || canary.answers === 0) return 0;
  const tail = 1 - quantile;
  const lower = [lowerShares(tail), STABLE_SILENT] as const;
  const higher = [higherShares(tail), CANARY_SILENT] as const;
  const distance = bucketsApart(ratio);
  let smallest = enough;
  // Below this bucket stable says nothing, and the canary more than here.
  for (let bucket = firstBucketAt(stable, tail); bucket < LATENCY_BUCKET_COUNT; bucket += 1) {
    const below = countAbove(stable, bucket - 1);
    const above = countAbove(canary, bucket + distance);
    const not = below.hits / below.trials < tail ? logTailEvidence(below, tail, lower) : Math.log(STABLE_SILENT);
    // From here on stable alone proves enough, more with each bucket.
    if (not + Math.log(CANARY_SILENT) >= enough) break;
    const slow = above.hits / above.trials > tail ? logTailEvidence(above, tail, higher) : Math.log(CANARY_SILENT);
    smallest = Math.min(smallest, not + slow);
    if (smallest <= 0) return 0;
  }
  return smallest;
}
