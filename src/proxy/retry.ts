/**
 * Whether a failed attempt may be repeated (RFC 9110 §9.2.2, RFC 9112 §9.3.1). The caller has made sure that no response
 * byte reached the client and that the request can be sent again from the start.
 */
import { Outcome } from './outcome.ts';

/** @param sent whether a byte of this attempt may have reached the back end */
export function mayRetry(method: string, outcome: Outcome, sent: boolean): boolean {
  if (outcome === Outcome.ConnectFailed || outcome === Outcome.ConnectTimeout) return true;
  if (outcome !== Outcome.UpstreamClosed && outcome !== Outcome.ResponseTimeout) return false;
  return !sent || isIdempotent(method);
}

function isIdempotent(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'PUT' || method === 'DELETE';
}
