/**
 * Weights while some endpoints of an upstream have not long been there: their share grows evenly from a minimum to the whole
 * over a window. Weights are whole numbers, so while anyone ramps up all of them are multiplied by `RAMP_SCALE`.
 */
import type { SlowStartConfig } from '../model/outlier-detection.ts';
import type { BalancerName } from '../model/upstream-policy.ts';
import type { Endpoint } from './endpoint.ts';

/** A weight of 1 can be divided into so many parts, the finest share being 5 %. */
export const RAMP_SCALE = 20;
/** Each step costs a rebuild of the balancer: no more than so many over a window, nor more than a few a second. */
const RAMP_STEPS = 20;
const MIN_STEP_MS = 200;

/** Keys would wander from endpoint to endpoint with every step. */
const UNSUITABLE: ReadonlySet<string> = new Set(['ring-hash', 'maglev']);

export function rampsUp(algorithm: BalancerName): boolean {
  return !UNSUITABLE.has(algorithm);
}

export function rampStepMs({ windowMs }: SlowStartConfig): number {
  return Math.max(MIN_STEP_MS, Math.ceil(windowMs / RAMP_STEPS));
}

export function isRamping(endpoint: Endpoint, { windowMs }: SlowStartConfig, nowMs: number): boolean {
  return endpoint.rampFromMs !== -1 && nowMs < endpoint.rampFromMs + windowMs;
}

/**
 * Sets `weightInForce` of all of them, in the same scale.
 * @returns that scale: 1 when none ramps up
 */
export function setWeights(available: readonly Endpoint[], config: SlowStartConfig | null, nowMs: number): number {
  if (config === null || !available.some((endpoint) => isRamping(endpoint, config, nowMs))) {
    for (const endpoint of available) endpoint.weightInForce = endpoint.weight;
    return 1;
  }
  for (const endpoint of available) {
    const share = isRamping(endpoint, config, nowMs) ? shareOf(endpoint, config, nowMs) : 1;
    endpoint.weightInForce = Math.max(1, Math.round(endpoint.weight * RAMP_SCALE * share));
  }
  return RAMP_SCALE;
}

function shareOf({ rampFromMs }: Endpoint, { windowMs, minPercent }: SlowStartConfig, nowMs: number): number {
  const least = minPercent / 100;
  return least + ((1 - least) * (nowMs - rampFromMs)) / windowMs;
}
