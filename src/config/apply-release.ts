/**
 * What a canary takes of its routes because of its release: the share of the step in force instead of its weight, and less
 * than it says once the release is over. So everybody who knows plan and state comes to the same.
 */
import type { CanaryConfig } from '../model/canary.ts';
import { currentState, isOver, percentInForce, type ReleaseConfig } from '../model/release.ts';

/** For percentages with three decimals. */
const WEIGHT_TOTAL = 100_000;

type Shares = Omit<CanaryConfig, 'upstream' | 'source' | 'sourceField' | 'release'>;

export function applyRelease<T extends Shares>(canary: T, release: ReleaseConfig): T & { release: ReleaseConfig } {
  const percent = percentInForce(release);
  const shares =
    percent === null ? {} : { weight: Math.round((percent * WEIGHT_TOTAL) / 100), weightTotal: WEIGHT_TOTAL };
  if (currentState(release)?.phase === 'expired') {
    // What is forgotten must not be reached by anybody, also not by rules; its stretch of the scale is free.
    const { match: _match, rulesFirst: _rulesFirst, ...rest } = canary;
    return { ...(rest as T), ...shares, header: null, cookie: null, sticky: false, release };
  }
  // Clients leave a version that was found bad; whoever looks into it still reaches it by rules.
  return { ...canary, ...shares, ...(isOver(release) ? { sticky: false } : {}), release };
}
