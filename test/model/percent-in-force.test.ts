/** Which share a release has, by its plan, its state and what is asked of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentInForce, type ReleaseConfig } from '../../src/model/release.ts';
import { release, releaseState as state } from '../support/release.ts';

const cases: readonly (readonly [name: string, release: Partial<ReleaseConfig>, percent: number | null])[] = [
  ['a release that has not begun has no share', {}, 0],
  ['the state of another revision is none', { state: state({ revision: 'a0', step: 1 }) }, 0],
  ['a release has the share of its step', { state: state({ step: 2 }) }, 50],
  ['a pause keeps the share', { state: state({ phase: 'paused' }) }, 5],
  ['a completed release keeps the last share', { state: state({ phase: 'completed', step: 3 }) }, 100],
  ['a step behind the last one is the last one', { state: state({ step: 7 }) }, 100],
  ['an aborted release has no share', { state: state({ phase: 'aborted', step: 1 }) }, 0],
  ['an expired release has no share', { state: state({ phase: 'expired', step: 1 }) }, 0],
  ['an abort is obeyed at once', { command: { kind: 'abort' }, state: state({ step: 1 }) }, 0],
  ['so it is by a completed release', { command: { kind: 'abort' }, state: state({ phase: 'completed' }) }, 0],
  ['other commands are for those who decide', { command: { kind: 'promote', step: 1 }, state: state({}) }, 5],
  ['without a plan nothing is said', { steps: [], state: state({}) }, null],
  ['without a plan an expired release has no share', { steps: [], state: state({ phase: 'expired' }) }, 0],
];

for (const [name, changes, percent] of cases) {
  test(name, () => assert.equal(percentInForce(release(changes)), percent));
}
