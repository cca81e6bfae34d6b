/** Which endpoints of an upstream may be picked, given what is configured and what is known of their health. Pure. */
import type { Endpoint } from './endpoint.ts';
import { preferOwnZone } from './zone-preference.ts';

export interface Availability {
  /** Those that take requests as far as health lets them: with a weight, and not draining unless all are. */
  readonly eligible: readonly Endpoint[];
  readonly available: readonly Endpoint[];
  /** See `Upstream.panicking`. */
  readonly panicking: boolean;
}

/** @param panicThreshold percent, see `UpstreamPolicy.panicThreshold` */
export function findAvailable(endpoints: readonly Endpoint[], panicThreshold: number): Availability {
  const weighted = endpoints.filter((endpoint) => endpoint.weight > 0);
  const staying = weighted.filter((endpoint) => !endpoint.draining);
  const eligible = staying.length > 0 ? staying : weighted;
  const inService = eligible.filter((endpoint) => endpoint.healthy && !endpoint.passive.ejected);
  if (suffices(inService, eligible, panicThreshold))
    return { eligible, available: preferOwnZone(inService), panicking: false };
  // What a probe says weighs more than what a few requests suggest, so ejections are ignored first.
  const healthy = eligible.filter((endpoint) => endpoint.healthy);
  const available = suffices(healthy, eligible, panicThreshold) ? healthy : eligible;
  return { eligible, available, panicking: available.length > 0 };
}

function suffices(some: readonly Endpoint[], all: readonly Endpoint[], panicThreshold: number): boolean {
  return some.length > 0 && some.length * 100 >= all.length * panicThreshold;
}
