/** Counters of one worker as plain numbers, copied at scrape time. Every field is a running total unless it says "now". */
import type { MirrorComparison, MirrorDrop, MirrorResult } from './mirror.ts';
import type { EjectionReason } from './outlier-detection.ts';

/** Upper bounds in milliseconds of the request duration histogram; one more bucket counts what is slower. */
export const DURATION_BUCKETS_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/**
 * `notable`: not of routes, upstreams and endpoints that were never asked for anything, and with which nothing is wrong. Of a large
 * cluster these are nearly all.
 */
export type RowChoice = 'all' | 'notable';

/** Counters of things there may be many of. */
export interface StatsRows {
  readonly routes: readonly RouteStatsRow[];
  readonly endpoints: readonly EndpointStatsRow[];
  readonly upstreams: readonly UpstreamStatsRow[];
}

export interface WorkerStats extends StatsRows {
  readonly workerId: number;
  /** Generation in force. */
  readonly generation: number;
  readonly connections: {
    /** Now. */ readonly active: number;
    readonly accepted: number;
    /** Closed at accept, because there were as many as there may be. */
    readonly refused: number;
    /** Closed at accept, because their client had as many as one client may have. */
    readonly refusedPerClient: number;
    readonly acceptErrors: number;
    readonly tlsHandshakeErrors: number;
  };
  readonly requests: {
    /** Now. */ readonly active: number;
    readonly total: number;
    /** Answered without a route: 400, 404, 408, 414, 431 … by status. */
    readonly unrouted: Readonly<Record<string, number>>;
  };
  readonly configApplied: number;
  readonly configApplyFailures: number;
  /** Seconds of CPU this thread has used. */
  readonly cpuSeconds: number;
  readonly mirror: MirrorState;
}

/** Of all routes together. */
export interface MirrorState {
  /** Copies under way now. */
  readonly inFlight: number;
  /** Held for copies now. */
  readonly bufferedBytes: number;
  /** The newest answers that differed, oldest first. */
  readonly samples: readonly MirrorSample[];
}

/** Two answers to the same request that differ. Holds nothing that may be a secret: no query, no values. */
export interface MirrorSample {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly routeId: string;
  readonly requestId: string;
  readonly method: string;
  /** Without the query; long ones are cut. */
  readonly path: string;
  readonly status: number;
  readonly mirrorStatus: number;
  /** `status`, `header NAME`, `body`. */
  readonly differences: readonly string[];
}

export interface MirrorStatsRow {
  readonly results: Readonly<Record<MirrorResult, number>>;
  readonly drops: Readonly<Record<MirrorDrop, number>>;
  readonly comparisons: Readonly<Record<MirrorComparison, number>>;
}

export interface RouteStatsRow {
  readonly routeId: string;
  /** Responses by status class: index 0 = 1xx … 4 = 5xx. */
  readonly statusClasses: readonly number[];
  /** Client gone before an answer. */
  readonly clientAborts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationSumMs: number;
  /** One more entry than `DURATION_BUCKETS_MS`; not cumulative. */
  readonly durationBuckets: readonly number[];
  /** Requests by upstream: what the split did. */
  readonly split: readonly SplitStatsRow[];
  /** Null = nothing was ever mirrored. */
  readonly mirror: MirrorStatsRow | null;
}

export interface SplitStatsRow {
  readonly upstreamId: string;
  readonly canary: boolean;
  readonly requests: number;
  /** 5xx answers, those that were cut short, and fallbacks. */
  readonly failures: number;
  /** Of a canary: that the main upstream took over. */
  readonly fallbacks: number;
}

/** What concerns an upstream as a whole. */
export interface UpstreamStatsRow {
  readonly upstreamId: string;
  /** Requests that were sent again, by reason; reasons that have not occurred are left out. */
  readonly retries: Readonly<Record<string, number>>;
  /** Retries that did not take place because the budget was spent. */
  readonly budgetExhausted: number;
  /** Requests that went on to the backup. */
  readonly backupRequests: number;
  /** Now: requests that wait for room. */
  readonly pending: number;
  /** Answered at once, because as many waited as may. */
  readonly rejected: number;
  /** Answered after they had waited as long as one may. */
  readonly queueTimeouts: number;
  /** Now: health is ignored, because too few endpoints are healthy. */
  readonly panicking: boolean;
  /** How often that began. */
  readonly panics: number;
}

export interface EndpointStatsRow {
  readonly upstreamId: string;
  readonly endpointId: string;
  /** Now. */
  readonly healthy: boolean;
  /** Now: empty when healthy. */
  readonly reason: string;
  /** Now. */
  readonly weight: number;
  /** Now: what balancers go by, less than `weight` while its share grows; 0 = it gets no new requests. */
  readonly weightInForce: number;
  /** Now: terminating. */
  readonly draining: boolean;
  /** Now: why it is ejected; null = it is not. */
  readonly ejected: EjectionReason | null;
  /** Now: milliseconds until a request may try it; 0 = one may, or it is not ejected. */
  readonly ejectedForMs: number;
  /** Ejections this worker has decided, by reason; reasons that have not occurred are left out. */
  readonly ejections: Readonly<Record<string, number>>;
  /** Now: what the balancer expects an attempt to take; -1 = it has no idea. */
  readonly latencyMs: number;
  /** Now. */
  readonly inFlight: number;
  /** Now: open connections, idle ones included. */
  readonly openConnections: number;
  /** Now. */
  readonly idleConnections: number;
  readonly requests: number;
  readonly failures: number;
  readonly connectFailures: number;
  readonly retries: number;
}
