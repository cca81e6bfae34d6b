/** What an upstream does with its endpoints, whoever asks for it. How they are connected to is `TransportConfig`. */
import type { HealthCheckConfig } from './health-check.ts';

/** By the names configuration uses; `balancer/algorithms/index.ts` holds one of each. */
export const BALANCERS = ['round-robin', 'least-request', 'peak-ewma', 'random', 'ring-hash', 'maglev'] as const;

export type BalancerName = (typeof BALANCERS)[number];

/** For balancers that send equal keys to the same endpoint. */
export interface HashingConfig {
  /** What the key is made of, e.g. `$http_x_user`: see `key-template.ts`. */
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
}

export const DEFAULT_UPSTREAM_POLICY: UpstreamPolicy = {
  balancer: 'round-robin',
  hashing: null,
  healthCheck: null,
};
