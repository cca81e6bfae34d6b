/** What an upstream does with its endpoints, whoever asks for it. How they are connected to is `TransportConfig`. */
import type { HealthCheckConfig } from './health-check.ts';
import { CONNECT_FAILURES_ONLY, type OutlierDetectionConfig, type SlowStartConfig } from './outlier-detection.ts';

/** By the names configuration uses; `balancer/algorithms/index.ts` holds one of each. */
export const BALANCERS = ['round-robin', 'least-request', 'peak-ewma', 'random', 'ring-hash', 'maglev'] as const;

export type BalancerName = (typeof BALANCERS)[number];

/** How much of the traffic to an upstream may be retries, counted over the last ten seconds in each worker. */
export interface RetryBudgetConfig {
  /** Retries for each 100 requests. Those that were answered well do not count. */
  readonly percent: number;
  /** Retries a second that are allowed however few requests there are. */
  readonly perSecond: number;
}

/** What an upstream is asked to carry at once; each worker keeps to its share, rounded up. 0 = unlimited. */
export interface UpstreamLimits {
  /** Open connections, idle ones included. */
  readonly maxConnections: number;
  /** Requests under way, tunnels (WebSocket) included. */
  readonly maxRequests: number;
  readonly maxConnectionsPerEndpoint: number;
  readonly maxRequestsPerEndpoint: number;
  /** Requests that wait for room. Here 0 means that none may. */
  readonly maxPending: number;
  /** Longest time one may wait. */
  readonly pendingTimeoutMs: number;
}

/** For balancers that send equal keys to the same endpoint. */
export interface HashingConfig {
  /** What the key is made of, e.g. `$http_x_user`: see `key-template.ts`. Empty only before it is compiled: the default. */
  readonly keyTemplate: string;
  /** Not 0: a key leads to so many endpoints, and each request to any of them. */
  readonly subsetSize: number;
  /**
   * Not 0: an endpoint that has more than this share of the average number of requests under way is passed over, in percent
   * and at least 100; 125 = a quarter more than the average.
   */
  readonly boundPercent: number;
}

export interface UpstreamPolicy {
  readonly balancer: BalancerName;
  /** Null = requests have no key. */
  readonly hashing: HashingConfig | null;
  /** Null = no active health checks. */
  readonly healthCheck: HealthCheckConfig | null;
  /** Null = no endpoint is ejected for what it answers. */
  readonly outlierDetection: OutlierDetectionConfig | null;
  /** Null = new and returning endpoints have their full share at once. */
  readonly slowStart: SlowStartConfig | null;
  /**
   * When fewer endpoints than this are healthy, in percent, health is ignored: 0 to 100, 0 = only when none is. Without it
   * the last healthy ones would go down under the load of all.
   */
  readonly panicThreshold: number;
  readonly retryBudget: RetryBudgetConfig;
  readonly limits: UpstreamLimits;
  /**
   * The upstream that takes over when no endpoint is healthy, or every attempt has failed; null = none. While annotations
   * are collected it is written as there, `service:port`.
   */
  readonly backup: string | null;
}

export const DEFAULT_UPSTREAM_POLICY: UpstreamPolicy = {
  balancer: 'round-robin',
  hashing: null,
  healthCheck: null,
  outlierDetection: CONNECT_FAILURES_ONLY,
  slowStart: null,
  panicThreshold: 0,
  retryBudget: { percent: 20, perSecond: 3 },
  limits: {
    maxConnections: 0,
    maxRequests: 0,
    maxConnectionsPerEndpoint: 0,
    maxRequestsPerEndpoint: 0,
    maxPending: 100,
    pendingTimeoutMs: 5_000,
  },
  backup: null,
};
