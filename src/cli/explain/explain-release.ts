/** What a release says of the share of its canary, in words. */
import type { CanaryConfig } from '../../model/canary.ts';
import { currentState, percentInForce, type ReleaseConfig } from '../../model/release.ts';
import { formatReleaseCommand } from '../../model/release-command.ts';
import { formatReleaseTime } from '../../model/release-text.ts';

export function explainRelease(release: ReleaseConfig): string {
  const { id, command } = release;
  const asked = command === null ? '' : `; command: ${formatReleaseCommand(command)}`;
  return `release ${id}: ${explainState(release)}${asked}`;
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
