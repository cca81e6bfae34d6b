/** Decides what a reflector does after a failure, as one table. Waiting and doing it is `reflector.ts`. */
import { BodyTooLargeError } from './kube-client.ts';
import { KubeApiError, WatchBrokenError } from './kube-error.ts';

export interface Recovery {
  /** For counters: an HTTP status, `connection` or `protocol`. */
  readonly code: string;
  /** Forget the resource version and list anew. What is stored stays until then. */
  readonly relist: boolean;
  /** Ask whether the server's history went back before going on from the same resource version. */
  readonly suspect: boolean;
  /** The resource is forbidden or absent. */
  readonly denied: boolean;
  readonly dropCredentials: boolean;
  readonly wait: 'none' | 'backoff';
  /** At least this long, whatever the back-off says. */
  readonly minDelayMs: number;
  /** The wait ends early when the server answers another reflector. */
  readonly untilContact: boolean;
}

/** What happened before this failure. */
export interface FailureHistory {
  /** A 410 came already, and no event since. */
  readonly expiredBefore: boolean;
  /** How long the server has been answering 5xx to this reflector without an event in between; 0 = this is the first. */
  readonly serverErrorForMs: number;
}

/** Longest time to go on from the same resource version against a server that answers 5xx. */
const MAX_SERVER_ERROR_MS = 60_000;

const PLAIN: Omit<Recovery, 'code'> = {
  relist: false,
  suspect: false,
  denied: false,
  dropCredentials: false,
  wait: 'backoff',
  minDelayMs: 0,
  untilContact: false,
};

export function planRecovery(error: unknown, history: FailureHistory): Recovery {
  if (error instanceof KubeApiError) return planForAnswer(error, history);
  if (error instanceof BodyTooLargeError || (error instanceof WatchBrokenError && error.poisoned)) {
    return { ...PLAIN, code: 'protocol', relist: true };
  }
  return { ...PLAIN, code: 'connection', suspect: true, untilContact: true };
}

function planForAnswer(error: KubeApiError, history: FailureHistory): Recovery {
  const plain = { ...PLAIN, code: String(error.status), minDelayMs: error.retryAfterMs ?? 0 };
  if (error.expired) return { ...plain, code: '410', relist: true, wait: history.expiredBefore ? 'backoff' : 'none' };
  if (error.versionTooLarge) return { ...plain, relist: true };
  if (error.status === 401) return { ...plain, dropCredentials: true };
  if (error.status === 403 || error.status === 404) return { ...plain, denied: true };
  if (error.status === 429) return plain;
  if (error.status >= 500) return { ...plain, relist: history.serverErrorForMs > MAX_SERVER_ERROR_MS };
  return { ...plain, relist: true };
}
