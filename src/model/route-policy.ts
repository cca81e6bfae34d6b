/** What a route asks of the data plane beyond matching and splitting. A route without a policy pays nothing for it. */

export interface RoutePolicy {
  readonly connectTimeoutMs: number;
  /** From the end of the request to the first byte of the response head, and between two bytes of a response body. */
  readonly responseTimeoutMs: number;
  /** Longest silence of a tunnel (WebSocket and other upgrades), both directions. */
  readonly idleTimeoutMs: number;
  /** Total tries including the first, at least 1. */
  readonly retryAttempts: number;
  /** Larger requests are answered 413. 0 = unlimited. */
  readonly maxRequestBodyBytes: number;
  /** For `prefix` paths that end in `/`: GET and HEAD for the path without the slash are answered 301. */
  readonly redirectMissingSlash: boolean;
  /** Not null: the route answers this status to everything, because serving it would be unsafe (fail closed). */
  readonly closed: { readonly status: number; readonly reason: string } | null;
}

export const DEFAULT_ROUTE_POLICY: RoutePolicy = {
  connectTimeoutMs: 5_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  retryAttempts: 3,
  maxRequestBodyBytes: 0,
  redirectMissingSlash: false,
  closed: null,
};
