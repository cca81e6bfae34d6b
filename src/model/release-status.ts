/** Where a release stands and what is known of its requests, for metrics, dumps and people. */
import type { ObjectRef } from './object-ref.ts';
import type { ReleaseConfig, ReleaseState } from './release.ts';

export interface ReleaseStatus {
  readonly config: ReleaseConfig;
  /** Of the first canary that belongs to it. */
  readonly source: ObjectRef;
  /** `host path`, the first few of `routeCount`. */
  readonly routes: readonly string[];
  readonly routeCount: number;
  /** In force in this process, stored or not; null = it has not begun. */
  readonly state: ReleaseState | null;
  /** False while what is in force here could not be stored: it would be forgotten. */
  readonly stored: boolean;
  /** The canary's share; null = there is no plan, `canary-weight` counts. */
  readonly percent: number | null;
  /** Of the time a step has to last, pauses excepted. */
  readonly heldMs: number;
  /** What keeps it from its next step, for people; empty = nothing. */
  readonly waitsFor: string;
  readonly gates: readonly GateStatus[];
  readonly sides: Readonly<Record<ReleaseSide, SideStatus>>;
  readonly replicas: ReplicaCounts;
}

export type ReleaseSide = 'stable' | 'canary';

/** Since the step began, where nothing else is said: of this process, and of the replicas that tell theirs. */
export interface SideStatus {
  readonly requests: number;
  readonly failures: number;
  /** Null without requests. */
  readonly errorRate: number | null;
  /** Of answers, failures excepted; null without them. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Counted by this process alone since it looks at the release. Never less than before. */
  readonly totalRequests: number;
  readonly totalFailures: number;
}

/** What the figures say about one gate. */
export interface GateStatus {
  readonly gate: string;
  readonly verdict: string;
  /** How much of a proof against the canary there is, in [0, 1]. */
  readonly evidence: number;
  /** For people. */
  readonly text: string;
}

export interface ReplicaCounts {
  /** Whose figures of this step are in `figures`, this process excepted. */
  readonly counted: number;
  /** Who has been silent for too long; their figures are left out. */
  readonly silent: number;
}

export interface ReleaseReport {
  /** Whether this process is the one that takes steps. */
  readonly decides: boolean;
  readonly releases: readonly ReleaseStatus[];
}

/** Where the state of a release stands on its canary Ingress, as JSON. */
export const RELEASE_STATE_ANNOTATION = 'sluice.dev/canary-state';
