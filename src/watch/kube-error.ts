/** What an API server answers instead of what was asked for, and what its `Status` objects say. */
import { isRecord, type JsonRecord } from './narrow-object.ts';

export class KubeApiError extends Error {
  override readonly name = 'KubeApiError';
  /** HTTP status, or the code of an `ERROR` event. */
  readonly status: number;
  /** `Status.reason`, e.g. `Expired`; empty when the body was no Status. */
  readonly reason: string;
  /** What the server asked us to wait; null when it did not. */
  readonly retryAfterMs: number | null;
  /** The resource version is from the server's future (this replica is behind, or history was rolled back). */
  readonly versionTooLarge: boolean;

  constructor(status: number, details: StatusDetails, retryAfterMs: number | null) {
    super(`the api server answered ${status}${details.message === '' ? '' : `: ${details.message}`}`);
    this.status = status;
    this.reason = details.reason;
    this.retryAfterMs = retryAfterMs ?? details.retryAfterMs;
    this.versionTooLarge = details.versionTooLarge;
  }

  /** The history we wanted to go on from is gone. Also hides in a 200 as an `ERROR` event. */
  get expired(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }
}

/** The connection broke, went silent, or carried something that is not the list/watch protocol. */
export class WatchBrokenError extends Error {
  override readonly name = 'WatchBrokenError';
  /** True when going on from the same resource version would meet the same bytes again. */
  readonly poisoned: boolean;

  constructor(message: string, poisoned: boolean, cause?: unknown) {
    super(message, { cause });
    this.poisoned = poisoned;
  }
}

export interface StatusDetails {
  readonly message: string;
  readonly reason: string;
  readonly retryAfterMs: number | null;
  readonly versionTooLarge: boolean;
}

const MAX_MESSAGE_CHARS = 300;

/** Reads a body that is a `Status` more often than not; 429 comes as `text/plain`. */
export function parseStatusBody(body: string): StatusDetails {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { message: firstLine(body), reason: '', retryAfterMs: null, versionTooLarge: false };
  }
  return readStatus(parsed);
}

export function readStatus(status: unknown): StatusDetails {
  const { message, reason, details } = asRecord(status);
  const { retryAfterSeconds, causes } = asRecord(details);
  const text = typeof message === 'string' ? firstLine(message) : '';
  const tooLarge =
    Array.isArray(causes) && causes.some((cause) => asRecord(cause)['reason'] === 'ResourceVersionTooLarge');
  return {
    message: text,
    reason: typeof reason === 'string' ? reason : '',
    retryAfterMs: toRetryAfterMs(retryAfterSeconds),
    versionTooLarge: tooLarge || text.includes('Too large resource version'),
  };
}

/** `code` of a `Status`; 0 when there is none. */
export function readStatusCode(status: unknown): number {
  const { code } = asRecord(status);
  return typeof code === 'number' && Number.isInteger(code) ? code : 0;
}

/** From a `Retry-After` header (seconds only, as API servers write it) or `retryAfterSeconds`. */
export function toRetryAfterMs(value: unknown): number | null {
  const seconds = typeof value === 'string' && /^[0-9]{1,6}$/.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_S) * 1000 : null;
}

const MAX_RETRY_AFTER_S = 60;

/** `value` to read fields of; without any when it is no object. */
export function asRecord(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.trim().slice(0, MAX_MESSAGE_CHARS);
}
