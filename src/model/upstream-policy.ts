/** What an upstream does with its endpoints, whoever asks for it. How they are connected to is `TransportConfig`. */
import type { HealthCheckConfig } from './health-check.ts';

/** By the names configuration uses; `balancer/algorithms/index.ts` holds one of each. */
export const BALANCERS = ['round-robin'] as const;

export type BalancerName = (typeof BALANCERS)[number];

export interface UpstreamPolicy {
  readonly balancer: BalancerName;
  /** Null = no active health checks. */
  readonly healthCheck: HealthCheckConfig | null;
}

export const DEFAULT_UPSTREAM_POLICY: UpstreamPolicy = {
  balancer: 'round-robin',
  healthCheck: null,
};
