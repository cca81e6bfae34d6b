/** What the `outlier-*` and `slow-start*` annotations of one object come to together, and which of them change nothing. */
import { DEFAULT_OUTLIER_DETECTION, DEFAULT_SLOW_START_PERCENT } from '../model/outlier-detection.ts';
import type { UpstreamPolicy } from '../model/upstream-policy.ts';
import type { PassiveHealthSettings } from './annotations/ingress-settings.ts';

export interface CombinedPassiveHealth {
  /** Absent fields are not asked for. */
  readonly upstream: Partial<Pick<UpstreamPolicy, 'outlierDetection' | 'slowStart'>>;
  /** Annotations without effect: key without prefix, and why. */
  readonly faults: readonly { readonly name: string; readonly message: string }[];
}

const SWITCH = 'outlier-detection';

/** @param names the annotations that were written and are not empty, without prefix */
export function combinePassiveHealth(settings: PassiveHealthSettings, names: readonly string[]): CombinedPassiveHealth {
  const { enabled, limits, slowStartMs, slowStartPercent } = settings;
  const details = names.filter((name) => name.startsWith('outlier-') && name !== SWITCH);
  const faults: { readonly name: string; readonly message: string }[] = [];
  const upstream: { -readonly [K in keyof CombinedPassiveHealth['upstream']]: CombinedPassiveHealth['upstream'][K] } =
    {};
  if (enabled === false) {
    const message = `has no effect beside sluice.dev/${SWITCH}: "off"`;
    for (const name of details) faults.push({ name, message });
    upstream.outlierDetection = null;
  } else if (enabled === true || Object.keys(limits).length > 0) {
    upstream.outlierDetection = { ...DEFAULT_OUTLIER_DETECTION, ...limits };
  }
  if (slowStartMs !== null) {
    upstream.slowStart = { windowMs: slowStartMs, minPercent: slowStartPercent ?? DEFAULT_SLOW_START_PERCENT };
  } else if (slowStartPercent !== null) {
    faults.push({ name: 'slow-start-min-percent', message: 'has no effect without sluice.dev/slow-start' });
  }
  return { upstream, faults };
}
