/** What figures and gates make of a canary, and what people are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseFigures, ReleaseGates } from '../../src/model/release.ts';
import { judgeRelease, type ReleaseVerdict } from '../../src/release/judge-release.ts';
import { arbitraryGates } from '../support/arbitrary-release.ts';
import { figures, GATES, HEALTHY, NO_GATES, side } from '../support/release.ts';

const FIRST = { step: 0, earlierFailures: 0 };
const P95: ReleaseGates = { ...NO_GATES, latencyRatios: [{ quantile: 0.95, ratio: 1.5 }] };

interface Case {
  readonly name: string;
  readonly gates: ReleaseGates;
  readonly figures: ReleaseFigures | null;
  readonly verdict: ReleaseVerdict;
  readonly reason?: string;
}

const cases: readonly Case[] = [
  { name: 'as good as stable', gates: GATES, figures: HEALTHY, verdict: 'fine' },
  { name: 'nothing counted', gates: GATES, figures: null, verdict: 'too-few' },
  { name: 'nothing counted and nothing asked', gates: NO_GATES, figures: null, verdict: 'fine' },
  { name: 'a request missing', gates: GATES, figures: figures(side(900, 0), side(99, 0)), verdict: 'too-few' },
  { name: 'just enough requests', gates: GATES, figures: figures(side(900, 0), side(100, 0)), verdict: 'fine' },
  {
    name: 'outside, perhaps by chance',
    gates: GATES,
    figures: figures(side(900, 0), side(100, 2)),
    verdict: 'unclear',
  },
  { name: 'just inside', gates: GATES, figures: figures(side(900, 0), side(100, 1)), verdict: 'fine' },
  {
    name: 'worse beyond doubt',
    gates: GATES,
    figures: figures(side(7_801, 3), side(1_412, 72)),
    verdict: 'worse',
    reason: 'errors: 5.1 % of 1,412 requests, stable 0.04 % of 7,801, allowed +1 %',
  },
  {
    name: 'worse beyond doubt with fewer requests than asked for',
    gates: GATES,
    figures: figures(side(300, 0), side(20, 20)),
    verdict: 'worse',
    reason: 'errors: 100 % of 20 requests, stable 0 % of 300, allowed +1 %',
  },
  {
    name: 'nothing to compare with, as at 100 %',
    gates: GATES,
    figures: figures(side(0, 0), side(500, 400)),
    verdict: 'fine',
  },
  {
    name: 'slower beyond doubt',
    gates: P95,
    figures: figures(side(60_000, 50, 200), side(3_000, 0, 410)),
    verdict: 'worse',
    reason: 'p95: 429 ms of 3,000 answers, stable 214 ms of 59,950, allowed 1.5x',
  },
  {
    name: 'a little slower',
    gates: P95,
    figures: figures(side(60_000, 50, 200), side(3_000, 0, 230)),
    verdict: 'fine',
  },
  {
    name: 'slower, perhaps by chance',
    gates: P95,
    figures: figures(side(60_000, 50, 200), side(2, 0, 410)),
    verdict: 'unclear',
  },
  {
    name: 'no answers whose duration could be compared',
    gates: P95,
    figures: figures(side(900, 0), side(50, 50)),
    verdict: 'fine',
  },
  {
    name: 'all that is wrong is said',
    gates: { ...GATES, ...P95, errorDifference: 0.01, maxFailures: 50 },
    figures: figures(side(60_000, 0, 2), side(3_000, 300, 9)),
    verdict: 'worse',
    reason:
      'failures: 300, allowed 50; errors: 10 % of 3,000 requests, stable 0 % of 60,000, allowed +1 %; ' +
      'p95: 9.5 ms of 2,700 answers, stable 2 ms of 60,000, allowed 1.5x',
  },
];

for (const { name, gates, figures: counted, verdict, reason = '' } of cases) {
  test(`${name}: ${verdict}`, () => {
    const judged = judgeRelease(gates, counted, FIRST);
    assert.deepEqual([judged.verdict, judged.reason], [verdict, reason]);
  });
}

/** How many failed of 1,000 requests it takes. */
function failuresToAbort(gates: ReleaseGates, step: number): number {
  for (let failures = 0; ; failures += 1) {
    const judged = judgeRelease(gates, figures(side(10_000, 10), side(1_000, failures)), { step, earlierFailures: 0 });
    if (judged.verdict === 'worse') return failures;
  }
}

test('each further gate and step wants a little more proof, because all together may err so often', () => {
  const latencyRatios = ([0.5, 0.95, 0.99] as const).map((quantile) => ({ quantile, ratio: 2 }));
  const alone = failuresToAbort(GATES, 0);
  const oneOfFour = failuresToAbort({ ...GATES, latencyRatios }, 0);
  const fourth = failuresToAbort(GATES, 3);
  assert.ok(alone < oneOfFour && oneOfFour <= alone + 4, `${alone}, then ${oneOfFour}`);
  assert.ok(alone < fourth && fourth <= alone + 6, `${alone}, then ${fourth}`);
});

test('evidence tells how near the end is', () => {
  const evidence = [10, 20, 25, 30, 90].map((failures) => {
    const { gates, verdict } = judgeRelease(GATES, figures(side(10_000, 10), side(1_000, failures)), FIRST);
    const errors = gates.find(({ gate }) => gate === 'errors');
    assert.equal(verdict === 'worse', errors?.evidence === 1);
    return errors?.evidence ?? -1;
  });
  assert.equal(evidence[0], 0);
  assert.equal(evidence.at(-1), 1);
  assert.deepEqual(
    evidence,
    evidence.toSorted((a, b) => a - b),
  );
});

test('no figure of a judgement is not a number, whatever was counted', () => {
  const amount = fc.oneof(fc.nat(1_000), fc.maxSafeNat(), fc.double());
  const anySide = fc
    .tuple(amount, amount, fc.array(amount, { maxLength: 200 }))
    .map(([requests, failures, latency]) => ({ requests, failures, latency }));
  fc.assert(
    fc.property(
      arbitraryGates(),
      anySide,
      anySide,
      amount,
      fc.nat(40),
      (gates, stable, canary, earlierFailures, step) => {
        const judged = judgeRelease(gates, figures(stable, canary), { step, earlierFailures });
        for (const { evidence, stable: usual, canary: found, text } of judged.gates) {
          assert.ok(evidence >= 0 && evidence <= 1);
          assert.ok(usual === null || Number.isFinite(usual));
          assert.ok(found === null || Number.isFinite(found));
          assert.doesNotMatch(text, /NaN|Infinity/);
        }
        assert.ok(judged.reason.length < 512);
      },
    ),
    { numRuns: 500 },
  );
});
