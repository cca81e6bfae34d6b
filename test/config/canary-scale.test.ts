/** Shares of canaries that the scale of their route has no room for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findScaleFault, type ScaledCanary } from '../../src/config/canary-scale.ts';
import { release, releaseState } from '../support/release.ts';

const weighted = (weight: number, weightTotal = 100): ScaledCanary => ({ weight, weightTotal });
const planned = (part: Parameters<typeof release>[0] = {}): ScaledCanary => ({
  weight: 0,
  weightTotal: 100,
  release: release(part),
});

const CASES: readonly (readonly [string, readonly ScaledCanary[], ScaledCanary, string | null])[] = [
  ['the first one has all the room', [], weighted(100), null],
  ['a full scale is not too much', [weighted(60), weighted(30)], weighted(10), null],
  ['thirds add up to one', [weighted(1, 3), weighted(1, 3)], weighted(1, 3), null],
  ['no share needs no room', [weighted(100)], weighted(0), null],
  [
    'a weight beyond it',
    [weighted(60), weighted(1, 5)],
    weighted(30),
    'take 80 %, so its weight (30 %) cannot be reached: it gets 20 % at most',
  ],
  [
    'a weight of more than all',
    [weighted(50)],
    weighted(300),
    'take 50 %, so its weight (100 %) cannot be reached: it gets 50 % at most',
  ],
  [
    'nothing left',
    [weighted(100)],
    weighted(5),
    'take 100 %, so its weight (5 %) cannot be reached: nothing is left for it',
  ],
  [
    'less than nothing left',
    [weighted(90), weighted(90)],
    weighted(5),
    'take 180 %, so its weight (5 %) cannot be reached: nothing is left for it',
  ],
  [
    'the first step of a plan that is too much',
    [weighted(60)],
    planned(),
    'take 60 %, so step 3 of its plan (50 %) cannot be reached: it gets 40 % at most',
  ],
  ['a plan beside nothing in force', [weighted(0)], planned(), null],
  ['a plan that was aborted', [weighted(60)], planned({ command: { kind: 'abort' } }), null],
  ['a plan that has ended', [weighted(60)], planned({ state: releaseState({ phase: 'expired' }) }), null],
  [
    'a release without steps has its weight',
    [weighted(60)],
    { ...planned({ steps: [] }), weight: 50 },
    'take 60 %, so its weight (50 %) cannot be reached: it gets 40 % at most',
  ],
];

for (const [name, earlier, canary, message] of CASES) {
  test(name, () => {
    const found = findScaleFault(earlier, canary);
    assert.equal(found?.message ?? null, message === null ? null : `earlier canaries of the route ${message}`);
    if (found !== null) assert.equal(found.of, message?.includes('plan') === true ? 'plan' : 'weight');
  });
}
