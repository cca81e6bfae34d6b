/** `Status` objects, the form in which an API server says no. */

export interface StatusOptions {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: string;
  /** For a stale continue token: where an inconsistent list would go on. */
  readonly continueToken?: string;
}

export function toStatus(options: StatusOptions): Record<string, unknown> {
  const { code, reason, message, retryAfterSeconds, cause, continueToken } = options;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: continueToken === undefined ? {} : { continue: continueToken },
    status: 'Failure',
    message,
    reason,
    ...(retryAfterSeconds === undefined && cause === undefined
      ? {}
      : { details: { retryAfterSeconds, causes: cause === undefined ? undefined : [{ reason: cause, message }] } }),
    code,
  };
}

export function expired(continueToken?: string): StatusOptions {
  return {
    code: 410,
    reason: 'Expired',
    message: 'too old resource version',
    ...(continueToken === undefined ? {} : { continueToken }),
  };
}
