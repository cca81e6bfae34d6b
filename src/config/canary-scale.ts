/** Whether the scale that the canaries of a route share has room for all that one of them is to take, now or by its plan. */
import type { CanaryConfig } from '../model/canary.ts';
import { currentState } from '../model/release.ts';

export type ScaledCanary = Pick<CanaryConfig, 'weight' | 'weightTotal' | 'release'>;

export interface ScaleFault {
  readonly of: 'weight' | 'plan';
  readonly message: string;
}

/** Sums of fractions are not exact. */
const TOLERANCE = 1e-9;

/** @param earlier those that come before it on the scale, in order, with the shares that are in force */
export function findScaleFault(earlier: readonly ScaledCanary[], canary: ScaledCanary): ScaleFault | null {
  const taken = earlier.reduce((sum, { weight, weightTotal }) => sum + Math.max(0, weight) / weightTotal, 0);
  if (taken === 0) return null;
  const isTooMuch = (share: number): boolean => share > 0 && taken + share > 1 + TOLERANCE;
  const found = findShare(canary, isTooMuch);
  if (found === null) return null;
  const left = Math.max(0, 1 - taken);
  const room = left < TOLERANCE ? 'nothing is left for it' : `it gets ${toPercent(left)} at most`;
  return { of: found.of, message: `earlier canaries of the route take ${toPercent(taken)}, so ${found.what}: ${room}` };
}

/** The first one that is too much. */
function findShare({ weight, weightTotal, release }: ScaledCanary, isTooMuch: (share: number) => boolean) {
  const steps = release?.steps ?? [];
  if (release === undefined || steps.length === 0) {
    const share = Math.min(1, weight / weightTotal);
    return isTooMuch(share)
      ? ({ of: 'weight', what: `its weight (${toPercent(share)}) cannot be reached` } as const)
      : null;
  }
  const phase = currentState(release)?.phase;
  if (phase === 'aborted' || phase === 'expired' || release.command?.kind === 'abort') return null;
  const at = steps.findIndex(({ percent }) => isTooMuch(percent / 100));
  if (at === -1) return null;
  const what = `step ${at + 1} of its plan (${steps[at]?.percent} %) cannot be reached`;
  return { of: 'plan', what } as const;
}

function toPercent(share: number): string {
  return `${Math.round(share * 100_000) / 1_000} %`;
}
