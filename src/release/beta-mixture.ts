/**
 * What a count of hits among trials says about their rate, however often one looks: likelihoods, averaged over rates by
 * mixtures of beta distributions. Divided by the likelihood of the true rate, such an average is a martingale, so it ever
 * exceeds 1/alpha with a probability of at most alpha.
 */

/** Hits among trials. */
export interface Count {
  readonly hits: number;
  readonly trials: number;
}

/** A beta distribution with this mean, as sure of it as after so many trials; weights of a mixture add up to 1. */
export interface BetaPart {
  readonly weight: number;
  readonly mean: number;
  readonly trials: number;
}

export type BetaMixture = readonly BetaPart[];

/** Above it, sums of logarithms lose the digits that count. */
const MOST_TRIALS = 1e12;

/** A count that can be worked with, whatever was handed in. */
export function toCount(hits: number, trials: number): Count {
  const total = toAmount(trials);
  return { hits: Math.min(toAmount(hits), total), trials: total };
}

/** 0 for what is not a positive number. */
export function toAmount(value: number | undefined): number {
  return value !== undefined && value > 0 ? Math.min(value, MOST_TRIALS) : 0;
}

/** Where the recurrence ends and the series begins, which is exact to 1e-15 from here on. */
const SERIES_FROM = 16;

/** Natural logarithm of the gamma function, for `x` > 0. */
export function logGamma(x: number): number {
  let shift = 1;
  let z = x;
  for (; z < SERIES_FROM; z += 1) shift *= z;
  const inverse = 1 / z;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - Math.log(shift);
}

/** Natural logarithm of the beta function, for positive numbers. */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Log-likelihood of a count, in some order, if hits have this rate. */
export function logLikelihood({ hits, trials }: Count, rate: number): number {
  const misses = trials - hits;
  return (hits > 0 ? hits * Math.log(rate) : 0) + (misses > 0 ? misses * Math.log1p(-rate) : 0);
}

/** The highest log-likelihood that any rate gives. */
export function logHighestLikelihood(count: Count): number {
  return count.trials > 0 ? logLikelihood(count, count.hits / count.trials) : 0;
}

/** Log of the likelihood of a count, averaged over rates. */
export function logEvidence({ hits, trials }: Count, mixture: BetaMixture): number {
  let sum = Number.NEGATIVE_INFINITY;
  for (const part of mixture) {
    const a = part.mean * part.trials;
    const b = part.trials - a;
    sum = logSum(sum, Math.log(part.weight) + logBeta(a + hits, b + trials - hits) - logBeta(a, b));
  }
  return sum;
}

/** log(e^a + e^b) without overflow. */
export function logSum(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}
