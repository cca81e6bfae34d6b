/** What clients get beside what back ends say, where a route asks for it. */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { LocalResponse } from './error-response.ts';
import type { Exchange } from './exchange.ts';
import type { ResponseHead } from './http1/response-head.ts';

/** With the final head of a back end. */
export function addOwnFields(exchange: Exchange, head: ResponseHead): void {
  const { session, lane, target, endpoint } = exchange;
  const cookie = session === null ? '' : session.toSetCookie(target, endpoint as Endpoint);
  if (cookie !== '') head.addOwn('Set-Cookie', cookie);
  lane?.answer?.addTo(head, exchange);
}

/** @param trailers names and values in turn */
export function withoutForged({ lane }: Exchange, trailers: readonly string[]): readonly string[] | null {
  const kept = lane === null || lane.answer === null ? trailers : lane.answer.withoutForged(trailers);
  return kept.length === 0 ? null : kept;
}

/** With an answer of our own. */
export function withOwnFields(exchange: Exchange, response: LocalResponse): LocalResponse {
  return exchange.lane?.answer?.toLocal(response, exchange) ?? response;
}
