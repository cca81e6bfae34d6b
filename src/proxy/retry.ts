/**
 * Which failed attempts may be repeated (RFC 9110 §9.2.2, RFC 9112 §9.3.1), and what a request remembers of its tries. That no
 * response byte reached the client is for the caller to see to.
 */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { Upstream } from '../balancer/upstream.ts';
import type { RetryCondition, RoutePolicy } from '../model/route-policy.ts';
import type { Exchange } from './exchange.ts';
import { Outcome } from './outcome.ts';
import { stableOf, successorOf } from './takeover.ts';

/** @param sent whether a byte of this attempt may have reached the back end */
export function mayRetry(policy: RoutePolicy, method: string, condition: RetryCondition, sent: boolean): boolean {
  return policy.retryOn.includes(condition) && (!sent || policy.retryNonIdempotent || isIdempotent(method));
}

/** Null: whatever happened will happen again, or is the client's doing. */
export function conditionOf(outcome: Outcome): RetryCondition | null {
  switch (outcome) {
    case Outcome.ConnectFailed:
    // Another endpoint may have an idle connection, or free ports.
    case Outcome.LocalShortage:
    case Outcome.UpstreamClosed:
      return 'error';
    case Outcome.ConnectTimeout:
    case Outcome.ResponseTimeout:
      return 'timeout';
    case Outcome.UpstreamInvalid:
      return 'invalid_header';
    default:
      return null;
  }
}

export function conditionOfStatus(status: number): RetryCondition | null {
  switch (status) {
    case 500:
      return 'http_500';
    case 502:
      return 'http_502';
    case 503:
      return 'http_503';
    case 504:
      return 'http_504';
    case 403:
      return 'http_403';
    case 404:
      return 'http_404';
    case 429:
      return 'http_429';
    default:
      return null;
  }
}

/** Methods we do not know count as not idempotent. */
export function isIdempotent(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'PUT' || method === 'DELETE';
}

/** No retry was paid for. */
export const NO_TICKET = -1;

/** What a request remembers of its tries; made when the first one has failed. */
export class Tries {
  /** Endpoints of the present upstream that it has failed on. */
  readonly failed: Endpoint[];
  /** The repetition on a stale connection, which is free once, was used. */
  staleUsed: boolean;
  /** Made at another upstream, before the present one took over. */
  attemptsBefore: number;
  /** What the budget gave for the try under way. */
  ticket: number;

  constructor() {
    this.failed = [];
    this.staleUsed = false;
    this.attemptsBefore = 0;
    this.ticket = NO_TICKET;
  }
}

/**
 * Where the next try goes, which is hereby paid for; null when there must be none. The retry on a stale connection is free,
 * once: the first was no fault of the request or the endpoint.
 * @param sent whether a byte of the request may have reached the back end
 */
export function reserveTry(
  exchange: Exchange,
  condition: RetryCondition,
  sent: boolean,
  stale: boolean,
): Upstream | null {
  const { policy } = exchange.route;
  if (exchange.committed || !mayRetry(policy, exchange.method, condition, sent)) return null;
  if (policy.retryTimeoutMs !== 0 && performance.now() - exchange.startMs >= policy.retryTimeoutMs) return null;
  exchange.tries ??= new Tries();
  const { tries, upstream } = exchange;
  tries.ticket = NO_TICKET;
  if (stale && !tries.staleUsed) {
    tries.staleUsed = true;
    exchange.attempts--;
    return upstream;
  }
  // A second try of what is on trial is worth less than a first one of what it is compared with.
  const stable = stableOf(exchange);
  if (stable !== null) return stable.upstream;
  const { traffic } = upstream;
  if (exchange.attempts - tries.attemptsBefore < policy.retryAttempts) {
    tries.ticket = traffic.budget.spend(exchange.worker.clock.nowMs);
    if (tries.ticket !== NO_TICKET) return upstream;
    traffic.budgetExhausted++;
  }
  return successorOf(exchange);
}

/** The try that was paid for was answered well. */
export function refundTry({ upstream, worker }: Exchange, tries: Tries): void {
  if (tries.ticket === NO_TICKET) return;
  upstream.traffic.budget.refund(tries.ticket, worker.clock.nowMs);
  tries.ticket = NO_TICKET;
}
