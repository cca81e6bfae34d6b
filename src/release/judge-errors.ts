/**
 * Whether a canary fails more often than stable by more than is allowed. Universal inference: the likelihood of what was
 * seen, averaged over rates, divided by the highest one that any allowed pair of rates gives. If the pair is allowed, this
 * ever exceeds 1/alpha with a probability of at most alpha, at whatever times one looks.
 */
import { type BetaMixture, type Count, logEvidence, logHighestLikelihood, logLikelihood } from './beta-mixture.ts';

/** Rates of stable: mostly small. */
const STABLE_RATES: BetaMixture = [
  { weight: 0.6, mean: 0.002, trials: 250 },
  { weight: 0.4, mean: 0.025, trials: 20 },
];

/** A difference below this is looked for as if it were this one. */
const LEAST_DIFFERENCE = 0.003;

/** Rates of canaries that are worse: by some times the allowed difference, by anything, or broken. */
function canaryRates(allowed: number): BetaMixture {
  const typical = Math.min(3 * Math.max(allowed, LEAST_DIFFERENCE), 0.5);
  return [
    { weight: 0.5, mean: typical, trials: 4 / typical },
    { weight: 0.3, mean: 0.1, trials: 10 },
    { weight: 0.2, mean: 0.8, trials: 4 },
  ];
}

/**
 * Log of the e-value against "the canary's rate is at most stable's plus `allowed`"; 0 where nothing speaks against it.
 * Grows with the failures of the canary.
 */
export function logErrorEvidence(stable: Count, canary: Count, allowed: number): number {
  if (stable.trials === 0 || canary.trials === 0) return 0;
  if (canary.hits / canary.trials <= stable.hits / stable.trials + allowed) return 0;
  const seen = logEvidence(stable, STABLE_RATES) + logEvidence(canary, canaryRates(allowed));
  return Math.max(0, seen - logHighestAllowed(stable, canary, allowed));
}

const HALVINGS = 60;

/**
 * The highest log-likelihood of both counts with rates p and p + allowed: where the slope, which falls, is 0. That is between
 * the two places at which one of the counts is likeliest.
 */
function logHighestAllowed(stable: Count, canary: Count, allowed: number): number {
  let low = stable.hits / stable.trials;
  let high = canary.hits / canary.trials - allowed;
  for (let halving = 0; halving < HALVINGS && low < high; halving += 1) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (slope(stable, middle) + slope(canary, middle + allowed) > 0) low = middle;
    else high = middle;
  }
  const rate = (low + high) / 2;
  const highest = logLikelihood(stable, rate) + logLikelihood(canary, Math.min(rate + allowed, 1));
  return Number.isFinite(highest) ? highest : logHighestLikelihood(stable) + logHighestLikelihood(canary);
}

/** How fast the log-likelihood grows with the rate, in (0, 1). */
function slope({ hits, trials }: Count, rate: number): number {
  return (hits > 0 ? hits / rate : 0) - (trials > hits ? (trials - hits) / (1 - rate) : 0);
}
