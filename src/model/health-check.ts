/** Active health checks: what is asked of each endpoint of an upstream, and what the answers amount to. */

/** `http` counts the status (and perhaps the body), `tcp` that a connection opens, `grpc` what `grpc.health.v1.Health/Check` says. */
export type HealthCheckKind = 'http' | 'tcp' | 'grpc';

export interface HealthCheckConfig {
  readonly kind: HealthCheckKind;
  /** Whether `http` and `grpc` speak TLS. Null = connections are like those of requests; else `http` speaks HTTP/1.1. */
  readonly tls: boolean | null;
  /** SNI and name the certificate must hold; empty = as requests have it. */
  readonly serverName: string;
  /** Whether the certificate is checked; null = as requests have it. */
  readonly verify: boolean | null;
  /** 0 = the one requests go to. Another port gets no PROXY protocol header. */
  readonly port: number;
  readonly method: HealthCheckMethod;
  readonly path: string;
  /** `Host` or `:authority` of the probe; empty = the address that is probed. */
  readonly host: string;
  readonly headers: readonly HealthCheckHeader[];
  /** At least one. */
  readonly statuses: readonly StatusRange[];
  /** What the first 64 KiB of the body must hold; null = anything. */
  readonly body: BodyMatch | null;
  /** Asked for by `grpc`; empty = the server as a whole. */
  readonly service: string;
  readonly intervalMs: number;
  /** Instead of `intervalMs` while checks fail or the endpoint is out. */
  readonly unhealthyIntervalMs: number;
  /** At most `intervalMs`. */
  readonly timeoutMs: number;
  /** Consecutive failures until an endpoint is taken out. */
  readonly unhealthyAfter: number;
  /** Consecutive successes until it is taken back. */
  readonly healthyAfter: number;
}

export const HEALTH_CHECK_METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST'] as const;

export type HealthCheckMethod = (typeof HEALTH_CHECK_METHODS)[number];

export interface HealthCheckHeader {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** Both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** `pattern` is RE2, unanchored. */
export interface BodyMatch {
  readonly kind: 'text' | 'pattern';
  readonly value: string;
}

/** The keys of every check stand in this order, so that two can be compared as JSON. */
export const DEFAULT_HEALTH_CHECK: HealthCheckConfig = {
  kind: 'http',
  tls: null,
  serverName: '',
  verify: null,
  port: 0,
  method: 'GET',
  path: '/',
  host: '',
  headers: [],
  statuses: [{ from: 200, to: 399 }],
  body: null,
  service: '',
  intervalMs: 5_000,
  unhealthyIntervalMs: 5_000,
  timeoutMs: 1_000,
  unhealthyAfter: 3,
  healthyAfter: 2,
};

/** The newest result of probing one endpoint. */
export interface LastCheck {
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
  readonly latencyMs: number;
  /** Empty = it succeeded. */
  readonly reason: string;
}

/** What probing amounts to so far. */
export interface HealthCheckStats {
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  /** Changes of a verdict. */
  readonly becameHealthy: number;
  readonly becameUnhealthy: number;
  /** Addresses that are probed now, by verdict. */
  readonly healthy: number;
  readonly unhealthy: number;
  readonly inFlight: number;
  /** Due, but as many are in flight as may be. */
  readonly waiting: number;
}
