/**
 * Writes how far a release is into an annotation of its canary Ingress, in the one replica that leads. Through the status of the
 * Ingress, which takes annotations as well: so no right is needed that could change what an Ingress asks for.
 */
import type { Logger } from '../log/logger.ts';
import type { ObjectKey } from '../model/object-ref.ts';
import type { ReleaseState } from '../model/release.ts';
import { isStop, outranks } from '../model/release-order.ts';
import { formatReleaseState, parseReleaseState } from '../model/release-state.ts';
import { RELEASE_STATE_ANNOTATION } from '../model/release-status.ts';
import { type Clock, withDeadline } from './clock.ts';
import { type IngressRecord, ingressPath, toIngressRecord } from './ingress-record.ts';
import type { KubeClient } from './kube-client.ts';
import { KubeApiError } from './kube-error.ts';
import type { Term } from './leader-election.ts';
import { toWriteResult, type WriteCounts } from './write-counts.ts';
import { WriteGate, type WriteRate } from './write-gate.ts';

/** Ingresses as they were last seen. */
export interface IngressRecords {
  record(key: ObjectKey): IngressRecord | undefined;
  observe(key: ObjectKey, record: IngressRecord): void;
  /** As it was read just now, be it older than what was known. */
  correct(key: ObjectKey, record: IngressRecord): void;
}

export interface ReleaseStateWriterOptions {
  readonly client: KubeClient;
  readonly records: IngressRecords;
  readonly counts: WriteCounts;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rate: WriteRate;
}

export const DEFAULT_RELEASE_RATE: WriteRate = { perSecond: 20, burst: 20 };

/** As for the status: far below the time between the end of a term and the earliest beginning of another leader's. */
const WRITE_LIMIT_MS = 4_000;

export class ReleaseStateWriter {
  readonly #options: ReleaseStateWriterOptions;
  readonly #gate: WriteGate;
  #term: Term | null;

  constructor(options: ReleaseStateWriterOptions) {
    this.#options = options;
    this.#gate = new WriteGate(options.clock, options.rate);
    this.#term = null;
  }

  /** May write until the term ends. */
  async lead(term: Term): Promise<void> {
    this.#term = term;
    await new Promise<void>((resolve) => {
      if (term.signal.aborted) resolve();
      else term.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#term = null;
  }

  /** Empty on success, or why not. */
  async store(key: ObjectKey, state: ReleaseState, before: ReleaseState | null): Promise<string> {
    const term = this.#term;
    if (term === null) return 'another replica leads';
    await this.#gate.turn(term.signal);
    if (!term.holds()) return 'another replica leads';
    const record = this.#options.records.record(key);
    if (record === undefined) return 'the ingress is gone';
    const stored = readState(record);
    if (stored === 'unreadable') return 'what is stored cannot be read';
    // Written before, and the answer was lost; or somebody else stopped it.
    if (stored !== null && isStop(state) && !outranks(state, stored)) return '';
    if (!isStop(state) && !isSame(stored, before)) return 'somebody else has changed the state';
    return this.#write(key, record, { state, term });
  }

  async #write(
    key: ObjectKey,
    { uid, resourceVersion }: IngressRecord,
    { state, term }: { readonly state: ReleaseState; readonly term: Term },
  ): Promise<string> {
    const { client, clock, counts, records } = this.#options;
    const text = formatReleaseState(state);
    const body = { metadata: { uid, resourceVersion, annotations: { [RELEASE_STATE_ANNOTATION]: text } } };
    const request = { method: 'PATCH', path: `${ingressPath(key)}/status`, body } as const;
    try {
      const stored = await withDeadline(clock, WRITE_LIMIT_MS, term.signal, (signal) => client.write(request, signal));
      const written = toIngressRecord(stored);
      const taken = written.releaseState === text;
      counts.add('release', taken ? 'ok' : 'failed');
      records.observe(key, written);
      return taken ? '' : 'the api server takes no annotations with the status';
    } catch (error) {
      counts.add('release', toWriteResult(error));
      return this.#explain(key, error, term);
    }
  }

  async #explain(key: ObjectKey, error: unknown, term: Term): Promise<string> {
    const { client } = this.#options;
    const result = toWriteResult(error);
    if (result === 'conflict') {
      await this.#readAnew(key, term);
      return 'somebody else has changed the ingress';
    }
    if (error instanceof KubeApiError && error.status === 401) client.dropCredentials();
    const retryAfterMs = (error instanceof KubeApiError ? error.retryAfterMs : null) ?? 0;
    if (retryAfterMs > 0) this.#gate.close(retryAfterMs);
    const message = error instanceof Error ? error.message : String(error);
    const remedy = '; grant patch on ingresses/status (api group networking.k8s.io)';
    return result === 'denied' ? message + remedy : message;
  }

  /** Its own event may be late, or never come. */
  async #readAnew(key: ObjectKey, term: Term): Promise<void> {
    const { client, clock, logger, records } = this.#options;
    try {
      const raw = await withDeadline(clock, WRITE_LIMIT_MS, term.signal, (signal) =>
        client.getObject(ingressPath(key), signal),
      );
      records.correct(key, toIngressRecord(raw));
    } catch (error) {
      logger.debug('ingress not read', { ingress: key, error });
    }
  }
}

function readState({ releaseState }: IngressRecord): ReleaseState | null | 'unreadable' {
  if (releaseState === null) return null;
  const parsed = parseReleaseState(releaseState);
  return 'value' in parsed ? parsed.value : 'unreadable';
}

function isSame(a: ReleaseState | null, b: ReleaseState | null): boolean {
  if (a === null || b === null) return a === b;
  return formatReleaseState(a) === formatReleaseState(b);
}
