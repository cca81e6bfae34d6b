/** One attempt of an exchange, as it is counted and as its upstream learns of it. Hot. */
import { type AttemptResult, isFailure } from '../balancer/attempt-result.ts';
import type { Endpoint } from '../balancer/endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { UpstreamTransport } from './upstream-transport.ts';

/** Hands the request to a connection of the endpoint. */
export function sendTo(exchange: Exchange, endpoint: Endpoint): void {
  exchange.endpoint = endpoint;
  endpoint.inFlight++;
  endpoint.requests++;
  exchange.upstream.traffic.inFlight++;
  exchange.requestSent = false;
  if (exchange.attempts > 0) exchange.attemptStartMs = performance.now();
  exchange.attempts++;
  (endpoint.transport as UpstreamTransport).dispatch(exchange, exchange.tries?.staleUsed !== true);
}

/** Nothing is in flight any more. */
export function endAttempt(exchange: Exchange, result: AttemptResult): void {
  (exchange.endpoint as Endpoint).inFlight--;
  exchange.upstream.traffic.inFlight--;
  recordAttempt(exchange, result);
}

export function recordAttempt(exchange: Exchange, result: AttemptResult): void {
  const { attemptStartMs, worker } = exchange;
  const endpoint = exchange.endpoint as Endpoint;
  if (isFailure(result)) {
    endpoint.failures++;
    exchange.attemptFailed = true;
  }
  const durationMs = performance.now() - attemptStartMs;
  const latencyMs = exchange.responseStarted ? exchange.startMs + exchange.upstreamMs - attemptStartMs : durationMs;
  exchange.upstream.record(endpoint, result, latencyMs, worker.clock.nowMs, durationMs);
}
