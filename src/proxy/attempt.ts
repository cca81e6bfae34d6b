/** One attempt of an exchange, as it is counted and as its upstream learns of it. Hot. */
// Imported, as in `exchange.ts`: the global of this name is a getter, which takes a hundredth of the CPU of a small request.
import { performance } from 'node:perf_hooks';
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

/** Nothing is in flight any more. @param nowMs of `performance.now`; a response that ends shares it with its exchange */
export function endAttempt(exchange: Exchange, result: AttemptResult, nowMs: number = performance.now()): void {
  (exchange.endpoint as Endpoint).inFlight--;
  exchange.upstream.traffic.inFlight--;
  recordAttempt(exchange, result, nowMs);
}

export function recordAttempt(exchange: Exchange, result: AttemptResult, nowMs: number): void {
  const { attemptStartMs, worker } = exchange;
  const endpoint = exchange.endpoint as Endpoint;
  if (isFailure(result)) {
    endpoint.failures++;
    exchange.attemptFailed = true;
  }
  const durationMs = nowMs - attemptStartMs;
  const latencyMs = exchange.responseStarted ? exchange.startMs + exchange.upstreamMs - attemptStartMs : durationMs;
  exchange.upstream.record(endpoint, result, latencyMs, worker.clock.nowMs, durationMs);
}
