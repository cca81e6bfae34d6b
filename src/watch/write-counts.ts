/** Counts what became of requests that change objects of the cluster, for the metrics. */
import { KubeApiError } from './kube-error.ts';

export type WriteKind = 'lease' | 'status' | 'event' | 'release';

/**
 * `exists`: an Event that another process has written already. `conflict`: somebody else changed the object first. `gone`: the
 * object, or its namespace, was deleted. `denied`: a right is missing. `failed`: everything else.
 */
export type WriteResult = 'ok' | 'exists' | 'conflict' | 'gone' | 'denied' | 'failed';

export interface WriteCount {
  readonly kind: WriteKind;
  readonly result: WriteResult;
  readonly count: number;
}

export class WriteCounts {
  readonly #counts: Map<string, WriteCount>;

  constructor() {
    this.#counts = new Map();
  }

  add(kind: WriteKind, result: WriteResult): void {
    const key = `${kind} ${result}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { kind, result, count });
  }

  list(): readonly WriteCount[] {
    return [...this.#counts.values()];
  }
}

export function toWriteResult(error: unknown): WriteResult {
  if (!(error instanceof KubeApiError)) return 'failed';
  if (error.reason === 'AlreadyExists') return 'exists';
  if (error.status === 409) return 'conflict';
  if (error.status === 404 || isNamespaceEnding(error)) return 'gone';
  return error.status === 403 ? 'denied' : 'failed';
}

/** The server refuses to create anything in a namespace that is being deleted, with the status of a missing right. */
function isNamespaceEnding(error: KubeApiError): boolean {
  return error.status === 403 && error.message.includes('because it is being terminated');
}
