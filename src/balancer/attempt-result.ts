/** What one attempt says about its endpoint, as numbers: one is compared for every request. */

export const AttemptResult = {
  Ok: 0,
  /** Says nothing: the client left, or a kept-alive connection had been closed in the meantime. */
  Neutral: 1,
  /** An answer with a status of 500 or above. */
  ServerError: 2,
  /** No connection, or no TLS session, came about. */
  ConnectFailed: 3,
  /** It was silent for too long. */
  Timeout: 4,
  /** The connection broke, or what came on it was no valid answer. */
  Reset: 5,
} as const;

export type AttemptResult = (typeof AttemptResult)[keyof typeof AttemptResult];

export function isFailure(result: AttemptResult): boolean {
  return result >= AttemptResult.ServerError;
}
