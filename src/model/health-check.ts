/** Active health checks: what is asked of each endpoint of an upstream, and what the answers amount to. */
export interface HealthCheckConfig {
  readonly path: string;
  /** `Host` of the probe; empty = the endpoint's address. */
  readonly host: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures until an endpoint is taken out. */
  readonly unhealthyAfter: number;
  /** Consecutive successes until it is taken back. */
  readonly healthyAfter: number;
}
