/** What a route asks of the data plane beyond matching and splitting. A route without a policy pays nothing for it. */
import type { CookieAffinity } from './affinity.ts';
import type { MirrorConfig } from './mirror.ts';

/**
 * What makes a try count as failed, in the words of the nginx dialect. `error`: no connection, or it broke before the whole
 * head of a response. `timeout`: connecting, sending or waiting for that head took too long. `invalid_header`: what came is
 * no valid response. The others are statuses of the response.
 */
export const RETRY_CONDITIONS = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
] as const;

export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

/** Tries in all: a request that failed ten times does not get better by an eleventh. */
export const MAX_RETRY_ATTEMPTS = 10;

export interface RoutePolicy {
  readonly connectTimeoutMs: number;
  /** Longest time a back end may refuse to take more of a request. */
  readonly sendTimeoutMs: number;
  /** From the end of the request to the first byte of the response head, and between two bytes of a response body. */
  readonly responseTimeoutMs: number;
  /** Longest silence of a tunnel (WebSocket and other upgrades), both directions. */
  readonly idleTimeoutMs: number;
  /** Total tries including the first, at least 1. */
  readonly retryAttempts: number;
  /** What is tried again. Empty: no request is ever sent twice, not even after a connection turned out to be stale. */
  readonly retryOn: readonly RetryCondition[];
  /** From the start of the request: no try begins later. 0 = no limit. */
  readonly retryTimeoutMs: number;
  /** Requests that are not idempotent are sent again too after a byte of them may have reached a back end. */
  readonly retryNonIdempotent: boolean;
  /** Bodies up to this size are kept while they are sent, so that they can be sent again. 0 = none. */
  readonly retryBufferBytes: number;
  /** Nothing of a request with a body is sent twice once sending has begun (`proxy-request-buffering: off`). */
  readonly streamRequest: boolean;
  /** Larger requests are answered 413. 0 = unlimited. */
  readonly maxRequestBodyBytes: number;
  /** For `prefix` paths that end in `/`: GET and HEAD for the path without the slash are answered 301. */
  readonly redirectMissingSlash: boolean;
  /** Null = clients are not bound to endpoints, and what their cookies say of any is ignored. */
  readonly affinity: CookieAffinity | null;
  /** Null = requests are not mirrored. */
  readonly mirror: MirrorConfig | null;
  /** Not null: the route answers this status to everything, because serving it would be unsafe (fail closed). */
  readonly closed: { readonly status: number; readonly reason: string } | null;
}

export const DEFAULT_ROUTE_POLICY: RoutePolicy = {
  connectTimeoutMs: 5_000,
  sendTimeoutMs: 60_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  retryAttempts: 3,
  retryOn: ['error', 'timeout'],
  retryTimeoutMs: 0,
  retryNonIdempotent: false,
  retryBufferBytes: 65_536,
  streamRequest: false,
  maxRequestBodyBytes: 0,
  redirectMissingSlash: false,
  affinity: null,
  mirror: null,
  closed: null,
};
