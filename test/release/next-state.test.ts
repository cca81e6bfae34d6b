/** What becomes of a release: steps, commands, times, and what it waits for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseConfig, ReleaseFigures, ReleaseState } from '../../src/model/release.ts';
import { elapsedInStep, nextState } from '../../src/release/next-state.ts';
import { arbitraryGates, arbitraryPlan, arbitraryState, arbitraryWindow } from '../support/arbitrary-release.ts';
import { figures, HEALTHY, MINUTE_MS, NO_GATES, NOON, release, releaseState, side } from '../support/release.ts';

const HOUR_MS = 60 * MINUTE_MS;
const BROKEN = figures(side(9_500, 10), side(500, 400));
/** 1.6 % with 1 % allowed: chance may do that. */
const DOUBTFUL = figures(side(9_500, 0), side(500, 8));
const OFFICE_HOURS = { timeZone: 'Europe/Berlin', days: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_020 };

interface Case {
  readonly name: string;
  readonly release: Partial<ReleaseConfig>;
  /** Null = as it is by default: first step, since noon. */
  readonly state?: Partial<ReleaseState> | 'none';
  readonly figures?: ReleaseFigures | null;
  /** Since noon. */
  readonly atMs?: number;
  readonly endpoints?: boolean;
  /** Fields of the next state; null = the very object that was there. */
  readonly becomes: Partial<ReleaseState> | null;
  readonly waitsFor?: string;
}

const begun = { phase: 'running', step: 0, beganAt: NOON, changedAt: NOON, elapsedMs: 0, revision: 'a1' } as const;
const held = { changedAt: NOON - 10 * MINUTE_MS };

const cases: readonly Case[] = [
  { name: 'a release begins', release: {}, state: 'none', becomes: begun },
  {
    name: 'not before the canary can answer',
    release: {},
    state: 'none',
    endpoints: false,
    becomes: null,
    waitsFor: 'endpoints',
  },
  {
    name: 'nor outside its window',
    release: { window: { ...OFFICE_HOURS, days: [0, 6] } },
    state: 'none',
    becomes: null,
    waitsFor: 'window',
  },
  {
    name: 'nor while it is to pause',
    release: { command: { kind: 'pause' } },
    state: 'none',
    becomes: null,
    waitsFor: 'command',
  },
  {
    name: 'another revision begins anew, whatever became of the last one',
    release: {},
    state: { revision: 'a0', phase: 'aborted', step: 2, earlierFailures: 70, reason: 'errors' },
    becomes: { ...begun, earlierFailures: 0, reason: '' },
  },
  {
    name: 'a plan of one step without end is complete when it begins',
    release: { steps: [{ percent: 10, holdMs: 0 }] },
    state: 'none',
    becomes: { ...begun, phase: 'completed' },
  },
  { name: 'a step lasts its time', release: {}, atMs: 10 * MINUTE_MS - 1, becomes: null, waitsFor: 'time' },
  {
    name: 'then comes the next one',
    release: {},
    atMs: 10 * MINUTE_MS,
    becomes: {
      phase: 'running',
      step: 1,
      beganAt: NOON,
      changedAt: NOON + 10 * MINUTE_MS,
      elapsedMs: 0,
      earlierFailures: 1,
    },
  },
  {
    name: 'failures of all steps add up',
    release: {},
    state: { ...held, step: 1, earlierFailures: 7 },
    becomes: { step: 2, earlierFailures: 8 },
  },
  {
    name: 'a step waits for requests',
    release: {},
    state: held,
    figures: figures(side(9_500, 10), side(99, 0)),
    becomes: null,
    waitsFor: 'requests',
  },
  {
    name: 'figures that nobody knows are no requests',
    release: {},
    state: held,
    figures: null,
    becomes: null,
    waitsFor: 'requests',
  },
  { name: 'a step waits for its gates', release: {}, state: held, figures: DOUBTFUL, becomes: null, waitsFor: 'gates' },
  {
    name: 'a step waits for endpoints',
    release: {},
    state: held,
    endpoints: false,
    becomes: null,
    waitsFor: 'endpoints',
  },
  {
    name: 'all that is missing is said',
    release: { window: { ...OFFICE_HOURS, toMinute: 600 } },
    figures: null,
    endpoints: false,
    becomes: null,
    waitsFor: 'time, requests, window, endpoints',
  },
  {
    name: 'without gates, time is all',
    release: { gates: NO_GATES },
    state: held,
    figures: null,
    becomes: { step: 1 },
  },
  {
    name: 'who enters a last step without end has completed',
    release: {},
    state: { changedAt: NOON - HOUR_MS, step: 2 },
    becomes: { phase: 'completed', step: 3, changedAt: NOON },
  },
  {
    name: 'a last step with a time is judged until that is over',
    release: { steps: [{ percent: 50, holdMs: 10 * MINUTE_MS }] },
    atMs: MINUTE_MS,
    figures: BROKEN,
    becomes: { phase: 'aborted' },
  },
  {
    name: 'a last step with a time ends, in no window and with no need of one',
    release: { steps: [{ percent: 50, holdMs: 10 * MINUTE_MS }], window: { ...OFFICE_HOURS, toMinute: 600 } },
    state: held,
    becomes: { phase: 'completed', step: 0 },
  },
  {
    name: 'what is complete is no longer judged',
    release: {},
    state: { phase: 'completed', step: 3 },
    figures: BROKEN,
    becomes: null,
  },
  {
    name: 'a canary that is worse is aborted, and it is said why',
    release: {},
    atMs: MINUTE_MS,
    figures: BROKEN,
    becomes: {
      phase: 'aborted',
      step: 0,
      changedAt: NOON + MINUTE_MS,
      elapsedMs: MINUTE_MS,
      reason: 'errors: 80 % of 500 requests, stable 0.1 % of 9,500, allowed +1 %',
    },
  },
  {
    name: 'also while it pauses',
    release: { command: { kind: 'pause' } },
    figures: BROKEN,
    becomes: { phase: 'aborted' },
  },
  {
    name: 'also while it is promoted',
    release: { command: { kind: 'promote', step: 3 } },
    figures: BROKEN,
    becomes: { phase: 'aborted' },
  },
  {
    name: 'more failures than allowed in all steps abort at once',
    release: { gates: { ...NO_GATES, maxFailures: 50 } },
    state: { step: 1, earlierFailures: 50 },
    figures: figures(side(0, 0), side(10_000, 1)),
    becomes: { phase: 'aborted', reason: 'failures: 51, allowed 50' },
  },
  {
    name: 'as many failures as allowed do not',
    release: { gates: { ...NO_GATES, maxFailures: 50 } },
    state: { step: 1, earlierFailures: 49 },
    figures: figures(side(0, 0), side(10_000, 1)),
    becomes: null,
    waitsFor: 'time',
  },
  {
    name: 'pause keeps the time spent',
    release: { command: { kind: 'pause' } },
    atMs: 4 * MINUTE_MS,
    becomes: { phase: 'paused', step: 0, changedAt: NOON + 4 * MINUTE_MS, elapsedMs: 4 * MINUTE_MS },
    waitsFor: 'command',
  },
  {
    name: 'a pause lasts as long as it is written',
    release: { command: { kind: 'pause' } },
    state: { phase: 'paused', elapsedMs: MINUTE_MS },
    atMs: HOUR_MS,
    becomes: null,
    waitsFor: 'command',
  },
  {
    name: 'then the step goes on with what is left of its time',
    release: {},
    state: { phase: 'paused', elapsedMs: 4 * MINUTE_MS },
    atMs: HOUR_MS,
    becomes: { phase: 'running', step: 0, changedAt: NOON + HOUR_MS, elapsedMs: 4 * MINUTE_MS },
    waitsFor: 'time',
  },
  {
    name: 'abort',
    release: { command: { kind: 'abort' } },
    becomes: { phase: 'aborted', reason: 'command: abort' },
  },
  {
    name: 'abort before the beginning',
    release: { command: { kind: 'abort' } },
    state: 'none',
    becomes: { phase: 'aborted', step: 0 },
  },
  {
    name: 'abort of what is complete',
    release: { command: { kind: 'abort' } },
    state: { phase: 'completed', step: 3 },
    becomes: { phase: 'aborted', step: 3 },
  },
  {
    name: 'abort lasts',
    release: {},
    state: { phase: 'aborted', reason: 'command: abort' },
    atMs: 99 * HOUR_MS,
    becomes: null,
  },
  {
    name: 'aborting twice changes nothing',
    release: { command: { kind: 'abort' } },
    state: { phase: 'aborted' },
    becomes: null,
  },
  {
    name: 'a command changes nothing after an abort',
    release: { command: { kind: 'promote', step: 3 } },
    state: { phase: 'aborted' },
    becomes: null,
  },
  {
    name: 'promote goes to its step, whatever the present one waits for',
    release: { command: { kind: 'promote', step: 2 }, window: { ...OFFICE_HOURS, toMinute: 600 } },
    figures: DOUBTFUL,
    becomes: { phase: 'running', step: 2, changedAt: NOON, elapsedMs: 0, earlierFailures: 8 },
  },
  {
    name: 'promote beyond the end is the last step',
    release: { command: { kind: 'promote', step: 31 } },
    becomes: { phase: 'completed', step: 3 },
  },
  {
    name: 'promote to what is reached changes nothing',
    release: { command: { kind: 'promote', step: 0 } },
    becomes: null,
    waitsFor: 'time',
  },
  {
    name: 'promote begins at its step',
    release: { command: { kind: 'promote', step: 1 } },
    state: 'none',
    becomes: { ...begun, step: 1 },
  },
  {
    name: 'promote ends a pause',
    release: { command: { kind: 'promote', step: 1 } },
    state: { phase: 'paused', elapsedMs: MINUTE_MS },
    becomes: { phase: 'running', step: 1, elapsedMs: 0 },
  },
  {
    name: 'promote waits for endpoints',
    release: { command: { kind: 'promote', step: 3 } },
    endpoints: false,
    becomes: null,
    waitsFor: 'endpoints',
  },
  {
    name: 'it does not expire before its time',
    release: { expiresAfterMs: HOUR_MS },
    state: { step: 2, changedAt: NOON + 50 * MINUTE_MS },
    atMs: HOUR_MS - 1,
    becomes: null,
    waitsFor: 'time',
  },
  {
    name: 'it expires, counted from its beginning',
    release: { expiresAfterMs: HOUR_MS },
    state: { step: 2, changedAt: NOON + 50 * MINUTE_MS },
    atMs: HOUR_MS,
    becomes: { phase: 'expired', step: 2, changedAt: NOON + HOUR_MS },
  },
  {
    name: 'a pause does not keep it from expiring',
    release: { expiresAfterMs: HOUR_MS, command: { kind: 'pause' } },
    state: { phase: 'paused' },
    atMs: HOUR_MS,
    becomes: { phase: 'expired' },
  },
  {
    name: 'what has everything does not expire',
    release: { expiresAfterMs: HOUR_MS },
    state: { phase: 'completed', step: 3 },
    atMs: HOUR_MS,
    becomes: null,
  },
  {
    name: 'what is complete with less does',
    release: { expiresAfterMs: HOUR_MS, steps: [{ percent: 10, holdMs: 0 }] },
    state: { phase: 'completed' },
    atMs: HOUR_MS,
    becomes: { phase: 'expired' },
  },
  {
    name: 'expired is the end',
    release: { command: { kind: 'promote', step: 3 } },
    state: { phase: 'expired' },
    becomes: null,
  },
  {
    name: 'without a plan, only an expiry keeps a state',
    release: { steps: [], gates: NO_GATES, expiresAfterMs: HOUR_MS },
    state: 'none',
    endpoints: false,
    becomes: begun,
  },
  {
    name: 'without a plan it expires too',
    release: { steps: [], gates: NO_GATES, expiresAfterMs: HOUR_MS },
    atMs: HOUR_MS,
    becomes: { phase: 'expired' },
  },
  {
    name: 'without a plan it goes nowhere',
    release: { steps: [], expiresAfterMs: 9 * HOUR_MS },
    atMs: HOUR_MS,
    becomes: null,
  },
  {
    name: 'without anything to watch there is no state',
    release: { steps: [], gates: NO_GATES },
    state: 'none',
    becomes: null,
  },
  {
    name: 'without a plan gates abort',
    release: { steps: [] },
    figures: BROKEN,
    becomes: { phase: 'aborted' },
  },
  {
    name: 'a clock that differs a little takes no time away',
    release: {},
    state: { elapsedMs: MINUTE_MS },
    atMs: -30_000,
    becomes: null,
    waitsFor: 'time',
  },
  {
    name: 'a clock that was set back does not make a step wait until it is there again',
    release: {},
    state: { beganAt: NOON - HOUR_MS, elapsedMs: 4 * MINUTE_MS },
    atMs: -2 * HOUR_MS,
    becomes: { changedAt: NOON - 2 * HOUR_MS, beganAt: NOON - 3 * HOUR_MS, elapsedMs: 4 * MINUTE_MS, step: 0 },
    waitsFor: 'time',
  },
];

for (const { name, atMs = 0, ...each } of cases) {
  test(name, () => {
    const state = each.state === 'none' ? null : releaseState(each.state);
    const known = each.figures === undefined ? HEALTHY : each.figures;
    const next = nextState(release({ ...each.release, state }), known, NOON + atMs, each.endpoints ?? true);
    if (each.becomes === null) assert.equal(next.state, state);
    else assert.deepEqual({ ...next.state, ...each.becomes }, next.state);
    assert.equal(next.waitsFor, each.waitsFor ?? '');
  });
}

/** A whole release, asked once a minute. */
function run(config: ReleaseConfig, minutes: number): readonly ReleaseState[] {
  const states: ReleaseState[] = [];
  for (let minute = 0; minute < minutes; minute += 1) {
    const state = states.at(-1) ?? null;
    const next = nextState(
      { ...config, state },
      HEALTHY,
      config.state === null ? NOON + minute * MINUTE_MS : 0,
      true,
    ).state;
    if (next !== null && next !== state) states.push(next);
  }
  return states;
}

test('a healthy release goes through all its steps in the time they take', () => {
  const states = run(release(), 120);
  assert.deepEqual(
    states.map(({ phase, step, changedAt }) => [phase, step, (changedAt - NOON) / MINUTE_MS]),
    [
      ['running', 0, 0],
      ['running', 1, 10],
      ['running', 2, 20],
      ['completed', 3, 50],
    ],
  );
});

test('a window follows the clocks of its time zone through the change to summer', () => {
  const window = { timeZone: 'Europe/Berlin', days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 9 * 60, toMinute: 10 * 60 };
  const opens = (day: number, month: number): boolean[] =>
    [6, 7, 8, 9].map((hour) => {
      const now = Date.UTC(2026, month, day, hour, 30);
      const config = release({ window, state: releaseState({ changedAt: now - HOUR_MS, beganAt: now - HOUR_MS }) });
      return nextState(config, HEALTHY, now, true).waitsFor === '';
    });
  assert.deepEqual(opens(28, 2), [false, false, true, false]);
  assert.deepEqual(opens(29, 2), [false, true, false, false]);
  assert.deepEqual(opens(25, 9), [false, false, true, false]);
});

test('whatever is stored, the next state can be stored, and asking again changes nothing unless a step is over', () => {
  const amount = fc.oneof(fc.nat(1_000), fc.maxSafeNat());
  const anySide = fc.tuple(amount, amount).map(([requests, failures]) => ({ ...side(1, 0), requests, failures }));
  fc.assert(
    fc.property(
      fc.record({
        steps: fc.option(arbitraryPlan(), { nil: [] }),
        gates: arbitraryGates(),
        window: fc.option(arbitraryWindow()),
        expiresAfterMs: fc.option(fc.nat()),
        state: fc.option(arbitraryState()),
        command: fc.option(
          fc.oneof(
            fc.constantFrom({ kind: 'pause' } as const, { kind: 'abort' } as const),
            fc.nat(40).map((step) => ({ kind: 'promote', step }) as const),
          ),
        ),
      }),
      fc.option(fc.tuple(anySide, anySide).map(([stable, canary]) => figures(stable, canary))),
      fc.nat({ max: 4_000_000_000_000 }),
      fc.boolean(),
      (written, counted, nowMs, hasEndpoints) => {
        const state = written.state;
        const config = { ...release(written), state, revision: state?.revision ?? 'a1' };
        const next = nextState(config, counted, nowMs, hasEndpoints).state;
        if (next === null) return;
        for (const field of ['step', 'beganAt', 'changedAt', 'elapsedMs', 'earlierFailures'] as const) {
          assert.ok(Number.isSafeInteger(next[field]) && next[field] >= 0, `${field} is ${next[field]}`);
        }
        if (state !== null) assert.ok(next.step >= Math.min(state.step, Math.max(0, config.steps.length - 1)));
        const again = nextState({ ...config, state: next }, null, nowMs, hasEndpoints).state;
        if (again?.phase === next.phase && again.step === next.step) assert.equal(again, next);
      },
    ),
    { numRuns: 500 },
  );
});

test('the time spent in a step never exceeds the time that passed', () => {
  const event = fc.record({ afterMs: fc.nat(5 * MINUTE_MS), paused: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      let now = NOON;
      let spentMs = 0;
      let state: ReleaseState | null = releaseState();
      for (const { afterMs, paused } of events) {
        if (state?.phase === 'running') spentMs += afterMs;
        now += afterMs;
        const command = paused ? ({ kind: 'pause' } as const) : null;
        const config: ReleaseConfig = release({ steps: [{ percent: 5, holdMs: 100 * HOUR_MS }], command, state });
        state = nextState(config, HEALTHY, now, true).state;
        assert.ok(state !== null);
        assert.equal(elapsedInStep(state, now), spentMs);
      }
    }),
  );
});
