/** How an exchange ended, as constants: expected failures are returned, not thrown. Access log and metrics print them. */
import { AttemptResult, isFailure } from '../balancer/attempt-result.ts';
import { isLocalShortage } from '../model/local-shortage.ts';

export const Outcome = {
  Ok: 'ok',
  LocalAnswer: 'local-answer',
  NoRoute: 'no-route',
  RouteClosed: 'route-closed',
  NoEndpoint: 'no-endpoint',
  UpstreamOverloaded: 'upstream-overloaded',
  UpstreamQueueTimeout: 'upstream-queue-timeout',
  BodyTooLarge: 'body-too-large',
  ConnectFailed: 'upstream-connect-failed',
  ConnectTimeout: 'upstream-connect-timeout',
  LocalShortage: 'local-shortage',
  ResponseTimeout: 'upstream-response-timeout',
  UpstreamClosed: 'upstream-closed',
  UpstreamInvalid: 'upstream-invalid-response',
  UpstreamTruncated: 'upstream-truncated',
  ClientAborted: 'client-aborted',
  ClientTimeout: 'client-timeout',
  ClientInvalidBody: 'client-invalid-body',
  InternalError: 'internal-error',
} as const;

export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Status a client gets when the exchange fails this way before any response byte was sent. */
export function statusOf(outcome: Outcome): number {
  switch (outcome) {
    case Outcome.NoRoute:
      return 404;
    case Outcome.BodyTooLarge:
      return 413;
    case Outcome.ClientInvalidBody:
      return 400;
    case Outcome.ClientTimeout:
      return 408;
    case Outcome.NoEndpoint:
    case Outcome.UpstreamOverloaded:
    case Outcome.UpstreamQueueTimeout:
    case Outcome.LocalShortage:
    case Outcome.RouteClosed:
      return 503;
    case Outcome.ConnectTimeout:
    case Outcome.ResponseTimeout:
      return 504;
    case Outcome.InternalError:
      return 500;
    default:
      return 502;
  }
}

/** Why a connection did not open. */
export function outcomeOfDial(error: NodeJS.ErrnoException | null): Outcome {
  const code = error?.code ?? '';
  if (isLocalShortage(code)) return Outcome.LocalShortage;
  return code === 'ETIMEDOUT' ? Outcome.ConnectTimeout : Outcome.ConnectFailed;
}

/** What a failed attempt says about its endpoint. */
export function toAttemptResult(outcome: Outcome): AttemptResult {
  switch (outcome) {
    case Outcome.ConnectFailed:
    case Outcome.ConnectTimeout:
      return AttemptResult.ConnectFailed;
    case Outcome.ResponseTimeout:
      return AttemptResult.Timeout;
    case Outcome.UpstreamClosed:
    case Outcome.UpstreamInvalid:
    case Outcome.UpstreamTruncated:
      return AttemptResult.Reset;
    default:
      return AttemptResult.Neutral;
  }
}

/** Whether an exchange that ended so ended by a fault of the back end, whatever status the client has seen by then. */
export function isUpstreamFault(outcome: Outcome): boolean {
  return outcome !== Outcome.Ok && isFailure(toAttemptResult(outcome));
}
