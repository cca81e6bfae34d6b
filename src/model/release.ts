/**
 * A release: one canary whose share a plan raises step by step, as long as gates find it no worse than what it replaces.
 * What is written in annotations or files, what is known of its progress, and what its requests told.
 */

/** Of one canary, on all routes it has. */
export interface ReleaseConfig {
  /** Ingress: `namespace/name` of the canary Ingress. Static file: the name of the release, or the canary's upstream. */
  readonly id: string;
  /** Differs when something was written that makes it another release: then the plan begins anew. */
  readonly revision: string;
  /** In order, growing. Empty = no plan: the weight is what `canary-weight` says. */
  readonly steps: readonly ReleaseStep[];
  readonly gates: ReleaseGates;
  /** What somebody asks for, as long as it is written; null = nothing. */
  readonly command: ReleaseCommand | null;
  /** From its beginning on, the canary gets nothing any more after so long; null = never. */
  readonly expiresAfterMs: number | null;
  /** Steps are taken only inside; null = at any time. */
  readonly window: ReleaseWindow | null;
  /** As stored with the object; null = it has not begun. */
  readonly state: ReleaseState | null;
}

export interface ReleaseStep {
  /** In (0, 100], at most three decimals. */
  readonly percent: number;
  /** Time to stay at least; 0 = for good, in the last step only. */
  readonly holdMs: number;
}

/** How much worse than stable a canary may be; null = this is not asked. */
export interface ReleaseGates {
  /** Canary's share of failed requests minus stable's, in [0, 1). */
  readonly errorDifference: number | null;
  /** Canary's latency divided by stable's at this quantile. */
  readonly latencyRatios: readonly LatencyGate[];
  /** Of the canary, in one step, before the next one. */
  readonly minRequests: number;
  /** Failed requests of the canary in the whole release; null = any number. */
  readonly maxFailures: number | null;
}

export interface LatencyGate {
  readonly quantile: 0.5 | 0.95 | 0.99;
  /** At least 1. */
  readonly ratio: number;
}

/**
 * Every one says how things should be, so obeying twice changes nothing. `promote`: be at this step (counted from 0) or a
 * later one. `abort` lasts beyond the command, `pause` does not.
 */
export type ReleaseCommand =
  | { readonly kind: 'pause' }
  | { readonly kind: 'abort' }
  | { readonly kind: 'promote'; readonly step: number };

/** Times of the week in which steps are taken, in one time zone. */
export interface ReleaseWindow {
  /** IANA name. */
  readonly timeZone: string;
  /** 0 = Sunday; at least one. */
  readonly days: readonly number[];
  /** Minutes since midnight; `to` is not inside, and is greater than `from`. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

/**
 * `aborted` and `expired`: the canary has no share. `completed`: the last step is over, or has no end.
 * Only a new revision leaves `aborted` and `expired`. `completed` can still be aborted by command, and expires below 100 %.
 */
export type ReleasePhase = 'running' | 'paused' | 'aborted' | 'completed' | 'expired';

export interface ReleaseState {
  /** Of the configuration it belongs to. */
  readonly revision: string;
  readonly phase: ReleasePhase;
  /** Index of the step in force, or of the one that was. */
  readonly step: number;
  /** Wall clock, milliseconds since 1970. */
  readonly beganAt: number;
  /** When this state began: with each change of phase or step. */
  readonly changedAt: number;
  /** Spent in this step before `changedAt`, pauses excepted. */
  readonly elapsedMs: number;
  /** Failed requests of the canary in the steps before this one. */
  readonly earlierFailures: number;
  /** Why, for people: empty, or such as `errors: 3.1 % of 412 requests, stable 0.0 % of 7,801`. */
  readonly reason: string;
}

/** What one side of a release did with requests that the weight divided, so that both got the same kind of requests. */
export interface SideFigures {
  readonly requests: number;
  /** Answered 5xx, or not at all by a fault of the upstream; also where stable took over in the end. */
  readonly failures: number;
  /** Answers by duration, `LATENCY_BUCKET_COUNT` entries; failures are not in here. */
  readonly latency: readonly number[];
}

/** Running totals of one worker, or what was counted since a step began, of one process or of several. */
export interface ReleaseFigures {
  readonly id: string;
  readonly stable: SideFigures;
  readonly canary: SideFigures;
}

/** Eight for each doubling from 0.125 ms to 131 s: a bound is 9 % above the one before it. */
const LATENCY_BUCKETS_PER_DOUBLING = 8;
const LOWEST_LATENCY_MS = 0.125;
export const LATENCY_BUCKET_COUNT: number = 20 * LATENCY_BUCKETS_PER_DOUBLING + 1;

/** Upper bound of a bucket in milliseconds; the last one has none. */
export function latencyBoundMs(bucket: number): number {
  return bucket >= LATENCY_BUCKET_COUNT - 1
    ? Number.POSITIVE_INFINITY
    : LOWEST_LATENCY_MS * 2 ** (bucket / LATENCY_BUCKETS_PER_DOUBLING);
}

const LATENCY_BOUNDS_MS = Float64Array.from({ length: LATENCY_BUCKET_COUNT }, (_, bucket) => latencyBoundMs(bucket));
const HIGHEST_LATENCY_MS = latencyBoundMs(LATENCY_BUCKET_COUNT - 2);

/** Hot for routes of a release: no logarithm. The bucket whose bound is the lowest that is not below `durationMs`. */
export function toLatencyBucket(durationMs: number): number {
  if (!(durationMs > LOWEST_LATENCY_MS)) return 0;
  if (durationMs > HIGHEST_LATENCY_MS) return LATENCY_BUCKET_COUNT - 1;
  const doublings = 31 - Math.clz32(durationMs / LOWEST_LATENCY_MS);
  let bucket = doublings * LATENCY_BUCKETS_PER_DOUBLING;
  while ((LATENCY_BOUNDS_MS[bucket] as number) < durationMs) bucket++;
  return bucket;
}

/** What the stored state says of this release; null = it has not begun, or the state is that of another one. */
export function currentState({ state, revision }: ReleaseConfig): ReleaseState | null {
  return state?.revision === revision ? state : null;
}

/** Whether the canary lost its share for good, or is about to: an abort waits for nobody who would have to write it down first. */
export function isOver(release: ReleaseConfig): boolean {
  const phase = currentState(release)?.phase;
  return release.command?.kind === 'abort' || phase === 'aborted' || phase === 'expired';
}

/** The canary's share in force, in percent; null = the plan says nothing, for there is none. */
export function percentInForce(release: ReleaseConfig): number | null {
  const { steps } = release;
  if (isOver(release)) return 0;
  if (steps.length === 0) return null;
  const current = currentState(release);
  // Not begun: whoever decides has not seen it yet.
  if (current === null) return 0;
  return steps[Math.min(current.step, steps.length - 1)]?.percent ?? 0;
}
