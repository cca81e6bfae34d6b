/** What failures say against a canary: never more than chance allows, however often one looks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { toCount } from '../../src/release/beta-mixture.ts';
import { logErrorEvidence } from '../../src/release/judge-errors.ts';
import { uniform } from '../support/release-simulation.ts';

const amount = fc.oneof(fc.nat(50), fc.nat(100_000), fc.maxSafeNat());
const allowedDifference = fc.oneof(fc.constantFrom(0, 0.01), fc.double({ min: 0, max: 0.999, noNaN: true }));

test('evidence is a number, whatever was counted, and never below nothing', () => {
  fc.assert(
    fc.property(amount, amount, amount, amount, allowedDifference, (failures, requests, bad, seen, allowed) => {
      const evidence = logErrorEvidence(toCount(failures, requests), toCount(bad, seen), allowed);
      assert.ok(evidence >= 0 && Number.isFinite(evidence), String(evidence));
    }),
    { numRuns: 2_000 },
  );
});

test('each failure of the canary speaks against it, and each of stable for it', () => {
  const few = fc.nat(300);
  fc.assert(
    fc.property(few, few, few, few, fc.constantFrom(0, 0.001, 0.01, 0.1), (failures, answers, bad, good, allowed) => {
      const stable = toCount(failures, failures + answers + 1);
      const canary = toCount(bad, bad + good + 1);
      const evidence = logErrorEvidence(stable, canary, allowed);
      const worse = logErrorEvidence(stable, { ...canary, hits: bad + 1 }, allowed);
      const excused = logErrorEvidence({ ...stable, hits: failures + 1 }, canary, allowed);
      assert.ok(worse >= evidence - 1e-9, `${worse} after ${evidence}`);
      assert.ok(excused <= evidence + 1e-9, `${excused} after ${evidence}`);
    }),
    { numRuns: 2_000 },
  );
});

test('more is allowed, less is proven', () => {
  const canary = toCount(40, 1_000);
  const stable = toCount(20, 20_000);
  const found = [0, 0.005, 0.01, 0.02, 0.04, 0.5].map((allowed) => logErrorEvidence(stable, canary, allowed));
  assert.deepEqual(
    found,
    found.toSorted((a, b) => b - a),
  );
  assert.ok((found[0] ?? 0) > 50);
  assert.equal(found.at(-1), 0);
});

test('nothing is proven where one side had no requests, or the canary is inside', () => {
  assert.equal(logErrorEvidence(toCount(0, 0), toCount(100, 100), 0), 0);
  assert.equal(logErrorEvidence(toCount(5, 100), toCount(0, 0), 0), 0);
  assert.equal(logErrorEvidence(toCount(1, 100), toCount(2, 100), 0.01), 0);
});

interface Boundary {
  readonly stable: number;
  readonly allowed: number;
  /** Requests of stable for one of the canary. */
  readonly ratio: number;
}

const boundaries: readonly Boundary[] = [
  { stable: 0.001, allowed: 0.01, ratio: 9 },
  { stable: 0.02, allowed: 0, ratio: 3 },
  { stable: 0.05, allowed: 0.01, ratio: 1 },
  { stable: 0.3, allowed: 0.1, ratio: 1 },
];

const RUNS = 600;
const LOOKS = 200;

/** The most that was ever seen against a canary that is exactly as bad as allowed. */
function mostEvidence({ stable, allowed, ratio }: Boundary, random: () => number): number {
  const counts = { stable: { hits: 0, trials: 0 }, canary: { hits: 0, trials: 0 } };
  let most = 0;
  for (let look = 0; look < LOOKS; look += 1) {
    for (let request = 0; request < 5; request += 1) {
      counts.canary.trials += 1;
      if (random() < stable + allowed) counts.canary.hits += 1;
      for (let other = 0; other < ratio; other += 1) {
        counts.stable.trials += 1;
        if (random() < stable) counts.stable.hits += 1;
      }
    }
    most = Math.max(most, logErrorEvidence(counts.stable, counts.canary, allowed));
  }
  return most;
}

test(`of ${RUNS * boundaries.length} canaries as bad as is just allowed, no more are found worse than chance may`, (t) => {
  const random = uniform(5);
  const found = boundaries.flatMap((each) => Array.from({ length: RUNS }, () => mostEvidence(each, random)));
  for (const alpha of [0.1, 0.01, 0.001]) {
    const wrong = found.filter((most) => most >= Math.log(1 / alpha)).length;
    const expected = alpha * found.length;
    t.diagnostic(`alpha ${alpha}: ${wrong} found worse, at most ${expected.toFixed(1)} expected`);
    assert.ok(wrong <= expected + 3 * Math.sqrt(expected));
  }
});
