/** Gamma and beta functions against known values, and likelihoods averaged over rates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  type BetaMixture,
  logBeta,
  logEvidence,
  logGamma,
  logHighestLikelihood,
  logLikelihood,
  logSum,
  toCount,
} from '../../src/release/beta-mixture.ts';

function assertNear(actual: number, expected: number): void {
  const tolerance = 1e-13 * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

const UNIFORM: BetaMixture = [{ weight: 1, mean: 0.5, trials: 2 }];
const MIXTURE: BetaMixture = [
  { weight: 0.6, mean: 0.01, trials: 100 },
  { weight: 0.4, mean: 0.7, trials: 4 },
];

test('the gamma function of whole numbers is the factorial', () => {
  let factorial = 0;
  for (let n = 1; n < 170; n += 1) {
    assertNear(logGamma(n), factorial);
    factorial += Math.log(n);
  }
});

test('the gamma function of halves', () => {
  assertNear(logGamma(0.5), 0.5 * Math.log(Math.PI));
  assertNear(logGamma(3.5), Math.log(15 / 8) + 0.5 * Math.log(Math.PI));
});

test('the gamma function grows by its argument, as it must', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (x) =>
      assertNear(logGamma(x + 1), logGamma(x) + Math.log(x)),
    ),
  );
});

test('the beta function', () => {
  assertNear(logBeta(1, 1), 0);
  assertNear(logBeta(2, 3), Math.log(1 / 12));
  assertNear(logBeta(0.5, 0.5), Math.log(Math.PI));
});

test('averaged over all rates alike, each number of hits is as likely as the others', () => {
  const trials = 20;
  for (let hits = 0; hits <= trials; hits += 1) {
    const orders = -logBeta(hits + 1, trials - hits + 1) - Math.log(trials + 1);
    assertNear(logEvidence({ hits, trials }, UNIFORM) + orders, -Math.log(trials + 1));
  }
});

test('likelihoods of all outcomes add up to 1, whatever the mixture: that is what makes it a martingale', () => {
  const trials = 40;
  let sum = Number.NEGATIVE_INFINITY;
  for (let hits = 0; hits <= trials; hits += 1) {
    const orders = -logBeta(hits + 1, trials - hits + 1) - Math.log(trials + 1);
    sum = logSum(sum, logEvidence({ hits, trials }, MIXTURE) + orders);
  }
  assertNear(sum, 0);
});

test('no average exceeds the highest likelihood', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (hits, trials) => {
      const count = toCount(hits, trials);
      assert.ok(logEvidence(count, MIXTURE) <= logHighestLikelihood(count) + 1e-9);
    }),
  );
});

test('the rate that was seen is the likeliest', () => {
  const count = { hits: 3, trials: 100 };
  for (const rate of [0.001, 0.02, 0.04, 0.5, 0.99]) {
    assert.ok(logLikelihood(count, rate) < logHighestLikelihood(count));
  }
  assert.equal(logLikelihood({ hits: 0, trials: 5 }, 0), 0);
  assert.equal(logLikelihood({ hits: 5, trials: 5 }, 1), 0);
  assert.equal(logHighestLikelihood({ hits: 0, trials: 0 }), 0);
});

test('a count has no more hits than trials, and no numbers that nobody can count with', () => {
  assert.deepEqual(toCount(7, 5), { hits: 5, trials: 5 });
  assert.deepEqual(toCount(Number.NaN, -3), { hits: 0, trials: 0 });
  assert.deepEqual(toCount(1, Number.POSITIVE_INFINITY), { hits: 1, trials: 1e12 });
});
