/** Decides, from single check results, whether an endpoint is healthy. Pure: no clock, no I/O. */

export interface HealthState {
  readonly healthy: boolean;
  /** Results in a row that contradict `healthy`; always below the threshold that would turn it. */
  readonly streak: number;
}

export interface HealthThresholds {
  /** At least 1. */
  readonly unhealthyAfter: number;
  /** At least 1. */
  readonly healthyAfter: number;
}

export function nextHealthState(state: HealthState, success: boolean, thresholds: HealthThresholds): HealthState {
  // The usual case leaves no object behind.
  if (success === state.healthy) return state.streak === 0 ? state : { healthy: state.healthy, streak: 0 };
  const streak = state.streak + 1;
  const needed = state.healthy ? thresholds.unhealthyAfter : thresholds.healthyAfter;
  return streak >= needed ? { healthy: success, streak: 0 } : { healthy: state.healthy, streak };
}
