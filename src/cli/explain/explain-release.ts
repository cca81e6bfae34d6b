/** What a release says of the share of its canary, in words. */
import type { CanaryConfig } from '../../model/canary.ts';
import { currentState, percentInForce, type ReleaseConfig } from '../../model/release.ts';
import { formatReleaseCommand } from '../../model/release-command.ts';
import { formatReleaseGates } from '../../model/release-gates.ts';
import { formatReleasePlan } from '../../model/release-plan.ts';
import { formatReleaseTime } from '../../model/release-text.ts';
import { formatReleaseWindow } from '../../model/release-window.ts';

export function explainRelease(release: ReleaseConfig): string {
  const { id, command, steps } = release;
  const parts = [`release ${id}: ${explainState(release)}`];
  if (command !== null) parts.push(`command: ${formatReleaseCommand(command)}`);
  if (steps.length > 0) parts.push(`plan: ${formatReleasePlan(steps)}`);
  return parts.join('; ');
}

/** All that is understood of it, defaults included. */
export function describeRelease(release: ReleaseConfig): string {
  const { gates, steps, window } = release;
  const parts = [explainRelease(release)];
  if (steps.length > 0) parts.push(`gates: ${formatReleaseGates(gates)}`);
  if (window !== null) parts.push(`window: ${formatReleaseWindow(window)}`);
  return parts.join('; ');
}

function explainState(release: ReleaseConfig): string {
  const { command, expiresAfterMs, state, steps } = release;
  const current = currentState(release);
  const percent = percentInForce(release);
  const expiry = expiresAfterMs === null ? '' : `, expires ${formatReleaseTime(expiresAfterMs)} after its beginning`;
  if (current === null) {
    const former = state === null ? '' : ' (what is stored is of another plan or name)';
    return `not begun${former}${percent === null ? ', so its weight counts' : ', so it has no share'}${expiry}`;
  }
  const { phase, step, reason } = current;
  const why = reason === '' ? '' : ` (${reason})`;
  const place = steps.length === 0 ? '' : ` in step ${Math.min(step, steps.length - 1) + 1} of ${steps.length}`;
  if (phase === 'expired') return `expired${place}${why}, so it takes nothing, also not by its rules`;
  if (phase === 'aborted' || command?.kind === 'abort') {
    return `aborted${place}${why}, so it has no share and keeps no sessions; its rules still count`;
  }
  const share = percent === null ? ', so its weight counts' : `, ${percent} %`;
  return `${phase}${place}${share}${why}${expiry}`;
}

/** What stands behind the weight of a canary. */
export function explainShare({ release, weight, weightTotal }: CanaryConfig): string {
  const percent = release === undefined ? null : percentInForce(release);
  return percent === null ? `weight ${weight} of ${weightTotal}` : `${percent} % by its plan`;
}
