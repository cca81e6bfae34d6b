/** What it is called when a release goes from one state to another: for Events and the log. */
import type { ReleaseConfig, ReleaseState } from '../model/release.ts';

export type TransitionReason =
  | 'CanaryStarted'
  | 'CanaryStepped'
  | 'CanaryPaused'
  | 'CanaryResumed'
  | 'CanaryAborted'
  | 'CanaryCompleted'
  | 'CanaryExpired';

export interface Transition {
  readonly id: string;
  /** As of an Event. */
  readonly reason: TransitionReason;
  readonly severity: 'normal' | 'warning';
  /** For people, complete. */
  readonly note: string;
}

export function toTransition(config: ReleaseConfig, before: ReleaseState | null, next: ReleaseState): Transition {
  const reason = nameOf(before?.revision === next.revision ? before : null, next);
  const severity = reason === 'CanaryAborted' ? 'warning' : 'normal';
  return { id: config.id, reason, severity, note: describe(config, next) };
}

function nameOf(before: ReleaseState | null, { phase, step }: ReleaseState): TransitionReason {
  if (phase === 'aborted') return 'CanaryAborted';
  if (phase === 'expired') return 'CanaryExpired';
  if (phase === 'completed') return 'CanaryCompleted';
  if (before === null) return 'CanaryStarted';
  if (phase === 'paused') return 'CanaryPaused';
  return before.step === step ? 'CanaryResumed' : 'CanaryStepped';
}

function describe({ steps }: ReleaseConfig, { phase, step, reason }: ReleaseState): string {
  const percent = phase === 'aborted' || phase === 'expired' ? 0 : steps[Math.min(step, steps.length - 1)]?.percent;
  const where = steps.length === 0 ? '' : `step ${Math.min(step + 1, steps.length)} of ${steps.length}`;
  const share = percent === undefined ? '' : `${percent} %`;
  const place = [where, share].filter((part) => part !== '').join(', ');
  return [place, reason].filter((part) => part !== '').join('; ') || phase;
}
