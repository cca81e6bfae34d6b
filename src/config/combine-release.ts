/**
 * What the annotations about a release come to together. What cannot be read never lets a release go on: without a plan
 * that can be read the canary gets no share, without the rest it stays where it is.
 */
import type { ProblemCode } from '../model/problem.ts';
import type { ReleaseCommand, ReleaseConfig } from '../model/release.ts';
import { resolveReleaseCommand } from '../model/release-command.ts';
import { DEFAULT_RELEASE_GATES, NO_RELEASE_GATES } from '../model/release-gates.ts';
import { toReleaseRevision } from '../model/release-plan.ts';
import { unreadableState } from '../model/release-state.ts';
import type { ReleaseSettings } from './annotations/ingress-settings.ts';

export interface CombinedRelease {
  /** Null = the canary is none. */
  readonly release: Omit<ReleaseConfig, 'id'> | null;
  /** Whatever the weight says. */
  readonly refusesShare: boolean;
  /** Annotations without effect: key without prefix, and why. */
  readonly faults: readonly ReleaseFault[];
}

interface ReleaseFault {
  readonly code: ProblemCode;
  readonly name: string;
  readonly message: string;
}

const PAUSE: ReleaseCommand = { kind: 'pause' };

/** @param names the annotations that were written and are not empty, without prefix */
export function combineRelease(settings: ReleaseSettings, names: readonly string[]): CombinedRelease {
  const { plan, gates, command, name, expiresAfterMs, window, state } = settings;
  const isUnreadable = (key: string, value: unknown): boolean => value === null && names.includes(key);
  if (isUnreadable('canary-plan', plan) || isUnreadable('canary-release', name)) {
    return { release: null, refusesShare: true, faults: [] };
  }
  const lone = findLoneNames(settings, names);
  const faults = lone.map(([key, needed]): ReleaseFault => {
    return { code: 'canary-invalid', name: key, message: `has no effect without ${needed}` };
  });
  const steps = plan ?? [];
  if (plan === null && expiresAfterMs === null) return { release: null, refusesShare: false, faults };
  const revision = toReleaseRevision(steps, name ?? '');
  const counts = command !== null && (plan !== null || command.kind === 'abort');
  const asked = counts ? resolveReleaseCommand(command, steps.length) : null;
  if (asked !== null && 'problem' in asked) {
    const message = `${asked.problem}, so no step is taken`;
    faults.push({ code: 'annotation-invalid', name: 'canary-command', message });
  }
  const mustWait =
    isUnreadable('canary-gates', gates) ||
    isUnreadable('canary-window', window) ||
    isUnreadable('canary-expires-after', expiresAfterMs) ||
    isUnreadable('canary-command', command) ||
    (asked !== null && 'problem' in asked);
  return {
    release: {
      revision,
      steps,
      gates: plan === null ? NO_RELEASE_GATES : (gates ?? DEFAULT_RELEASE_GATES),
      command: asked !== null && 'value' in asked ? asked.value : steps.length > 0 && mustWait ? PAUSE : null,
      expiresAfterMs,
      window: plan === null ? null : window,
      state: isUnreadable('canary-state', state) ? unreadableState(revision) : state,
    },
    refusesShare: false,
    faults,
  };
}

/** Those without effect, valid or not, each with what it needs. */
function findLoneNames(
  { plan, expiresAfterMs, command }: ReleaseSettings,
  names: readonly string[],
): readonly (readonly [name: string, needed: string])[] {
  if (plan !== null) return [];
  const needsPlan = ['canary-gates', 'canary-window'];
  const needsAny = ['canary-release'];
  // Nothing but a share that grows can be paused or promoted; an abort takes any share.
  (command === null || command.kind === 'abort' ? needsAny : needsPlan).push('canary-command');
  return [
    ...needsPlan.map((name) => [name, 'sluice.dev/canary-plan'] as const),
    ...(expiresAfterMs === null
      ? needsAny.map((name) => [name, 'sluice.dev/canary-plan or sluice.dev/canary-expires-after'] as const)
      : []),
  ].filter(([name]) => names.includes(name));
}
