/**
 * What becomes of a release now: the state that should be stored, and what a release that stays where it is waits for.
 * Everything is a function of what is configured, stored and counted, so whoever asks next comes to the same answer.
 */
import {
  currentState,
  type ReleaseConfig,
  type ReleaseFigures,
  type ReleasePhase,
  type ReleaseState,
} from '../model/release.ts';
import { isInWindow } from '../model/release-window.ts';
import { toAmount } from './beta-mixture.ts';
import { judgeRelease, type ReleaseJudgement } from './judge-release.ts';

export interface NextState {
  /** The object that is in `release.state` when nothing changes; null = there is nothing to keep a state of, or not yet. */
  readonly state: ReleaseState | null;
  /** What the next step waits for, as `time, requests`; of `time`, `requests`, `gates`, `window`, `endpoints`, `command`. */
  readonly waitsFor: string;
  /** Of the figures that were handed in; null where they are not judged. */
  readonly judgement: ReleaseJudgement | null;
}

/** Clocks of replicas may differ by so much; one that shows still less than when the state began was set back. */
const CLOCK_DIFFERENCE_MS = 60_000;

/** @param figures what was counted in the step of `release.state`, which is of this revision; null = nothing is known */
export function nextState(
  release: ReleaseConfig,
  figures: ReleaseFigures | null,
  nowMs: number,
  canaryHasEndpoints: boolean,
): NextState {
  const stored = currentState(release);
  if (stored === null) return begin(release, nowMs, canaryHasEndpoints);
  if (stored.phase === 'aborted' || stored.phase === 'expired') return only(stored);
  const state = withClockSetBack(stored, nowMs);
  if (release.command?.kind === 'abort') return only(toPhase(state, 'aborted', nowMs, ABORT_WANTED));
  if (isExpired(release, state, nowMs)) return only(toPhase(state, 'expired', nowMs, ''));
  if (state.phase === 'completed') return only(state);

  const judgement = judgeRelease(release.gates, figures, state);
  if (judgement.verdict === 'worse') return { ...only(toPhase(state, 'aborted', nowMs, judgement.reason)), judgement };
  if (release.command?.kind === 'pause') {
    const paused = state.phase === 'paused' ? state : toPhase(state, 'paused', nowMs, '');
    return { state: paused, waitsFor: 'command', judgement };
  }
  const running = state.phase === 'running' ? state : toPhase(state, 'running', nowMs, '');
  const failures = toAmount(running.earlierFailures + toAmount(figures?.canary.failures));
  return { ...goOn({ release, state: running, judgement, failures }, nowMs, canaryHasEndpoints), judgement };
}

/** Time spent in the step so far, pauses excepted; never more than has passed by the clock. */
export function elapsedInStep(state: ReleaseState, nowMs: number): number {
  const sinceMs = state.phase === 'running' ? Math.max(0, nowMs - state.changedAt) : 0;
  return Math.min(state.elapsedMs + sinceMs, Number.MAX_SAFE_INTEGER);
}

const ABORT_WANTED = 'command: abort';

function only(state: ReleaseState | null): NextState {
  return { state, waitsFor: '', judgement: null };
}

/** The first step is one too: it waits for the window, and for a canary that can answer. */
function begin(release: ReleaseConfig, nowMs: number, canaryHasEndpoints: boolean): NextState {
  const { command, steps } = release;
  const first = { revision: release.revision, beganAt: nowMs, failures: 0 };
  if (command?.kind === 'abort') {
    return only(toPhase(enterStep(release, 0, first, nowMs), 'aborted', nowMs, ABORT_WANTED));
  }
  const wait = (waitsFor: string): NextState => ({ state: release.state, waitsFor, judgement: null });
  if (steps.length === 0) return isWatched(release) ? only(enterStep(release, 0, first, nowMs)) : wait('');
  if (command?.kind === 'pause') return wait('command');
  const promoted = command?.kind === 'promote';
  const reasons: string[] = [];
  if (!promoted && !isOpen(release, nowMs)) reasons.push('window');
  if (!canaryHasEndpoints) reasons.push('endpoints');
  if (reasons.length > 0) return wait(reasons.join(', '));
  return only(enterStep(release, promoted ? command.step : 0, first, nowMs));
}

/** Whether there is anything that could take its share from a canary without a plan. */
function isWatched({ expiresAfterMs, gates }: ReleaseConfig): boolean {
  return (
    expiresAfterMs !== null ||
    gates.errorDifference !== null ||
    gates.latencyRatios.length > 0 ||
    gates.maxFailures !== null
  );
}

interface Running {
  readonly release: ReleaseConfig;
  readonly state: ReleaseState;
  readonly judgement: ReleaseJudgement;
  /** Of the canary since the release began. */
  readonly failures: number;
}

/** A later step, the end, or what either waits for. */
function goOn(running: Running, nowMs: number, canaryHasEndpoints: boolean): Omit<NextState, 'judgement'> {
  const { release, state, failures } = running;
  const last = release.steps.length - 1;
  if (last < 0) return { state, waitsFor: '' };
  const next = { revision: state.revision, beganAt: state.beganAt, failures };
  const promotedTo = release.command?.kind === 'promote' ? Math.min(release.command.step, last) : 0;
  if (promotedTo > state.step) {
    if (!canaryHasEndpoints) return { state, waitsFor: 'endpoints' };
    return { state: enterStep(release, promotedTo, next, nowMs), waitsFor: '' };
  }
  const isLast = state.step >= last;
  const reasons = findReasons(running, nowMs);
  if (!isLast && !isOpen(release, nowMs)) reasons.push('window');
  if (!isLast && !canaryHasEndpoints) reasons.push('endpoints');
  if (reasons.length > 0) return { state, waitsFor: reasons.join(', ') };
  const entered = isLast ? toPhase(state, 'completed', nowMs, '') : enterStep(release, state.step + 1, next, nowMs);
  return { state: entered, waitsFor: '' };
}

/** Why a step is not over yet. One that has no end ends nothing by lasting: who is in it has completed. */
function findReasons({ release, state, judgement }: Running, nowMs: number): string[] {
  const step = release.steps[Math.min(state.step, release.steps.length - 1)];
  if (step === undefined || step.holdMs === 0) return [];
  const reasons: string[] = [];
  if (elapsedInStep(state, nowMs) < step.holdMs) reasons.push('time');
  if (judgement.verdict === 'too-few') reasons.push('requests');
  if (judgement.verdict === 'unclear') reasons.push('gates');
  return reasons;
}

function isOpen({ window }: ReleaseConfig, nowMs: number): boolean {
  return window === null || isInWindow(window, nowMs);
}

/** What is at 100 % has replaced stable, which may be gone by now. */
function isExpired({ expiresAfterMs, steps }: ReleaseConfig, state: ReleaseState, nowMs: number): boolean {
  if (expiresAfterMs === null || nowMs - state.beganAt < expiresAfterMs) return false;
  return state.phase !== 'completed' || steps.at(-1)?.percent !== 100;
}

interface Beginnings {
  readonly revision: string;
  readonly beganAt: number;
  readonly failures: number;
}

function enterStep(release: ReleaseConfig, step: number, since: Beginnings, nowMs: number): ReleaseState {
  const last = Math.max(0, release.steps.length - 1);
  const entered = Math.min(step, last);
  return {
    revision: since.revision,
    phase: entered === last && release.steps[last]?.holdMs === 0 ? 'completed' : 'running',
    step: entered,
    beganAt: since.beganAt,
    changedAt: nowMs,
    elapsedMs: 0,
    earlierFailures: since.failures,
    reason: '',
  };
}

function toPhase(state: ReleaseState, phase: ReleasePhase, nowMs: number, reason: string): ReleaseState {
  return { ...state, phase, changedAt: nowMs, elapsedMs: elapsedInStep(state, nowMs), reason };
}

/**
 * How long a state has lasted cannot be told once the clock shows less than when it began. Then it lasts from now on, and
 * the release began as long before it as it did by the old clock: otherwise it would stand still until the clock is there.
 */
function withClockSetBack(state: ReleaseState, nowMs: number): ReleaseState {
  const aheadMs = state.changedAt - nowMs;
  if (aheadMs <= CLOCK_DIFFERENCE_MS) return state;
  return { ...state, beganAt: Math.max(0, state.beganAt - aheadMs), changedAt: nowMs };
}
