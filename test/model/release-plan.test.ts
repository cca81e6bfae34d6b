/** Plans of releases: what their texts mean, where they are refused, and which release they make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseStep } from '../../src/model/release.ts';
import {
  findPlanFault,
  formatReleasePlan,
  isReleaseName,
  isReleasePercent,
  parseReleasePlan,
  toReleaseRevision,
} from '../../src/model/release-plan.ts';
import { arbitraryPlan } from '../support/arbitrary-release.ts';

const MINUTE = 60_000;
const step = (percent: number, holdMs = 0): ReleaseStep => ({ percent, holdMs });

const MEANINGS: readonly (readonly [text: string, steps: readonly ReleaseStep[]])[] = [
  ['100%', [step(100)]],
  ['5%/10m', [step(5, 10 * MINUTE)]],
  ['5%/10m, 25%/10m, 50%/30m, 100%', [step(5, 10 * MINUTE), step(25, 10 * MINUTE), step(50, 30 * MINUTE), step(100)]],
  ['0.001%/1s,100%', [step(0.001, 1_000), step(100)]],
  [' 5 % / 10m ,\n 50%\t', [step(5, 10 * MINUTE), step(50)]],
  ['1%/90s, 2%/1.5h, 3%/2d', [step(1, 90_000), step(2, 90 * MINUTE), step(3, 2 * 1_440 * MINUTE)]],
  ['33.333%/1500ms, 66.667%/365d', [step(33.333, 1_500), step(66.667, 365 * 1_440 * MINUTE)]],
];

for (const [text, value] of MEANINGS) {
  test(`the plan ${JSON.stringify(text)} is understood`, () => assert.deepEqual(parseReleasePlan(text), { value }));
}

const REFUSALS: readonly (readonly [text: string, problem: RegExp])[] = [
  ['', /^step 1 is ""; expected PERCENT%\/TIME, such as 5%\/10m$/],
  ['5%/10m,', /^step 2 is ""; expected PERCENT%/],
  ['5/10m', /^step 1 is "5\/10m"; expected PERCENT%/],
  ['5%/10m/10m', /^step 1 is "5%\/10m\/10m"; expected PERCENT%/],
  ['5%%/10m', /^step 1 is/],
  ['-5%/10m', /^step 1 is "-5%\/10m"/],
  ['1e1%/10m', /^step 1 is/],
  ['٥%/10m', /^step 1 is/],
  ['0.0001%/1m, 100%', /^step 1 is/],
  ['0%/10m, 100%', /^step 1 has "0%"; expected a percentage above 0 and up to 100, with at most three decimals$/],
  ['5%/10m, 100.001%', /^step 2 has "100.001%"; expected a percentage/],
  ['5%/10, 100%', /^step 1 has the time "10"; expected a time from 1s to 365d, such as 30s, 10m, 24h or 3d$/],
  ['5%/, 100%', /^step 1 has the time ""; expected a time/],
  ['5%/0s, 100%', /^step 1 has the time "0s"; expected a time/],
  ['5%/999ms, 100%', /^step 1 has the time "999ms"/],
  ['5%/366d, 100%', /^step 1 has the time "366d"/],
  ['5%/10m, 100%/x', /^step 2 has the time "x"/],
  ['5%/10m, 5%', /^step 2 has 5 % after 5 %; expected percentages that grow$/],
  ['50%/10m, 5%/10m, 100%', /^step 2 has 5 % after 50 %/],
  ['5%, 100%', /^step 1 has no time to stay, which only the last step may lack; expected a time such as 10m$/],
  [Array.from({ length: 33 }, (_, at) => `${at + 1}%/1m`).join(), /^has 33 steps; expected 1 to 32$/],
  [`5%/10m,${' '.repeat(1_024)}100%`, /^expected at most 1024 characters$/],
  [`5%/${'x'.repeat(500)}`, /^step 1 has the time "x{40}…"/],
];

for (const [text, problem] of REFUSALS) {
  test(`the plan ${JSON.stringify(text.slice(0, 40))} is refused`, () => {
    const parsed = parseReleasePlan(text);
    assert.match('problem' in parsed ? parsed.problem : JSON.stringify(parsed), problem);
  });
}

test('every plan is read as it was written', () => {
  fc.assert(
    fc.property(arbitraryPlan(), (steps) => {
      assert.deepEqual(parseReleasePlan(formatReleasePlan(steps)), { value: steps });
      assert.equal(findPlanFault(steps), null);
      assert.ok(steps.every(({ percent }) => isReleasePercent(percent)));
    }),
  );
});

test('no text makes the reader throw', () => {
  const piece = fc.constantFrom('5', '%', '/', '10m', ',', ' ', '100%', '.', 'x', '\u0000', '\ud800');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece).map((pieces) => pieces.join('')),
  );
  fc.assert(fc.property(text, (hostile) => assert.ok(typeof parseReleasePlan(hostile) === 'object')));
});

for (const percent of [0, -1, 100.001, 0.0001, 33.3333, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`${percent} is no percentage of a release`, () => assert.equal(isReleasePercent(percent), false));
}

function revisionOf(plan: string, name = ''): string {
  const parsed = parseReleasePlan(plan);
  return 'value' in parsed ? toReleaseRevision(parsed.value, name) : '';
}

test('a plan that means the same is the same release, and another plan or name is another', () => {
  const revision = revisionOf('5%/10m, 100%');
  assert.match(revision, /^[0-9a-f]{16}$/);
  assert.equal(revisionOf('5.0%/600s,100 %'), revision);
  const others = [revisionOf('5%/11m, 100%'), revisionOf('6%/10m, 100%'), revisionOf('5%/10m, 100%', 'v2')];
  assert.equal(new Set([revision, ...others]).size, 4);
});

test('the revision of a plan is the same in every version, so that an upgrade begins no release anew', () => {
  assert.equal(toReleaseRevision([step(5, 10 * MINUTE), step(100)], 'v42'), '26a957ae62dbd214');
});

for (const [name, isFine] of [
  ['v42', true],
  ['shop@sha256:0a1b', true],
  ['registry/shop:1.2.3+b4', true],
  ['', false],
  ['-v', false],
  ['v 1', false],
  ['v\n1', false],
  ['x'.repeat(129), false],
] as const) {
  test(`${JSON.stringify(name.slice(0, 30))} is ${isFine ? 'a' : 'no'} name of a release`, () => {
    assert.equal(isReleaseName(name), isFine);
  });
}
