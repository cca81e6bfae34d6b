/**
 * Keeps `status.loadBalancer` of our Ingresses in line with the addresses traffic arrives at. Works on states: whatever was
 * missed, failed or undone by others is found by comparing what is there with what should be. Writes differences only.
 */
import type { Logger } from '../log/logger.ts';
import type { ObjectKey } from '../model/object-ref.ts';
import { Backoff, DEFAULT_BACKOFF } from './backoff.ts';
import { type Clock, withDeadline } from './clock.ts';
import { type IngressRecord, ingressPath, toIngressRecord } from './ingress-record.ts';
import type { KubeClient } from './kube-client.ts';
import { KubeApiError } from './kube-error.ts';
import type { Term } from './leader-election.ts';
import { fingerprintOf, type LoadBalancerAddress, normalise } from './load-balancer-address.ts';
import { compareResourceVersions } from './resource-version.ts';
import { toWriteResult, type WriteCounts } from './write-counts.ts';
import { WriteGate, type WriteRate } from './write-gate.ts';

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly counts: WriteCounts;
  readonly logger: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly timing: StatusTiming;
}

export interface StatusTiming {
  readonly rate: WriteRate;
  /** Between two writes of the same to the same Ingress: whoever keeps undoing them is not fought more often than this. */
  readonly repeatMs: number;
  /** Before an Ingress that changed under a write is looked at again: its change may take it from us. */
  readonly conflictMs: number;
  /** Between two attempts while the right for it is missing; up to twice as long. */
  readonly deniedRetryMs: number;
}

/** 10,000 Ingresses take a little over three minutes, and an API server does not notice. */
export const DEFAULT_STATUS_TIMING: StatusTiming = {
  rate: { perSecond: 50, burst: 50 },
  repeatMs: 60_000,
  conflictMs: 500,
  deniedRetryMs: 30_000,
};

const MAX_IN_FLIGHT = 10;
/** Far below the time between the end of a term and the earliest beginning of another leader's. */
const WRITE_LIMIT_MS = 4_000;

interface Change {
  readonly record: IngressRecord;
  /** Empty: what we published is to be taken back. */
  readonly addresses: readonly LoadBalancerAddress[];
  readonly fingerprint: string;
}

interface LastWrite {
  readonly fingerprint: string;
  readonly atMs: number;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #gate: WriteGate;
  readonly #backoff: Backoff;
  /** All Ingresses there are, as last seen. */
  readonly #records: Map<ObjectKey, IngressRecord>;
  #ours: Set<ObjectKey>;
  /** Former ones of ours, by uid, whose status may still hold our addresses. */
  readonly #departed: Map<ObjectKey, string>;
  /** Null: not known, so nothing is written. */
  #addresses: readonly LoadBalancerAddress[] | null;
  #fingerprint: string;
  /** To be compared. */
  readonly #dirty: Set<ObjectKey>;
  readonly #inFlight: Set<ObjectKey>;
  readonly #lastWrites: Map<ObjectKey, LastWrite>;
  /** Ingresses (by uid) that the server did not take these addresses for. */
  readonly #refused: Map<ObjectKey, string>;
  /** Those to be compared later, with the cancellation of their timers. */
  readonly #later: Map<ObjectKey, () => void>;
  readonly #idle: Set<() => void>;
  #deniedInLog: boolean;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#gate = new WriteGate(options.clock, options.timing.rate);
    this.#backoff = new Backoff(DEFAULT_BACKOFF, options.random);
    this.#records = new Map();
    this.#ours = new Set();
    this.#departed = new Map();
    this.#addresses = null;
    this.#fingerprint = '';
    this.#dirty = new Set();
    this.#inFlight = new Set();
    this.#lastWrites = new Map();
    this.#refused = new Map();
    this.#later = new Map();
    this.#idle = new Set();
    this.#deniedInLog = false;
  }

  /** As last seen; undefined = there is none. */
  record(key: ObjectKey): IngressRecord | undefined {
    return this.#records.get(key);
  }

  /** An Ingress as it is watched; null = deleted. What is older than what is known is ignored. */
  observe(key: ObjectKey, record: IngressRecord | null): void {
    if (record === null) {
      this.#records.delete(key);
      this.#departed.delete(key);
      this.#lastWrites.delete(key);
      this.#refused.delete(key);
      return;
    }
    const known = this.#records.get(key);
    // The event of a change before our own write may come after the answer to that write.
    const older =
      known?.uid === record.uid && compareResourceVersions(record.resourceVersion, known.resourceVersion) === -1;
    if (older) return;
    this.#records.set(key, record);
    // Another object of the same name: nothing was written to it yet.
    if (known?.uid !== record.uid) this.#lastWrites.delete(key);
    if (known?.published !== record.published || known.uid !== record.uid) this.#mark(key);
  }

  /**
   * An Ingress as it was read just now. It counts even if it is older than what was known, as after a restore from backup; of
   * another object of the same name its own events tell.
   */
  correct(key: ObjectKey, record: IngressRecord): void {
    if (this.#records.get(key)?.uid === record.uid) this.#records.set(key, record);
  }

  /** The Ingresses that are served now, all of them. */
  setOurs(ours: ReadonlySet<ObjectKey>): void {
    for (const key of ours) this.setOwnership(key, true);
    for (const key of this.#ours) if (!ours.has(key)) this.setOwnership(key, false);
  }

  /** One Ingress: whether it is served now. */
  setOwnership(key: ObjectKey, ours: boolean): void {
    if (this.#ours.has(key) === ours) return;
    if (ours) {
      this.#ours.add(key);
      this.#departed.delete(key);
      this.#mark(key);
      return;
    }
    this.#ours.delete(key);
    const record = this.#records.get(key);
    if (record === undefined) return;
    this.#departed.set(key, record.uid);
    this.#mark(key);
  }

  /** Empty: not known (any more), so what is written stays. */
  setAddresses(addresses: readonly LoadBalancerAddress[]): void {
    const fingerprint = fingerprintOf(addresses);
    if (fingerprint === this.#fingerprint) return;
    this.#addresses = addresses.length === 0 ? null : normalise(addresses);
    this.#fingerprint = fingerprint;
    this.#refused.clear();
    this.#options.logger.info('addresses for the status of ingresses', { addresses: fingerprint });
    for (const key of this.#ours) this.#mark(key);
    for (const key of this.#departed.keys()) this.#mark(key);
  }

  /** Writes until the term ends. */
  async lead(term: Term): Promise<void> {
    const wakeAll = (): void => this.#wake();
    term.signal.addEventListener('abort', wakeAll);
    for (const key of this.#ours) this.#mark(key);
    for (const key of this.#departed.keys()) this.#mark(key);
    await Promise.all(Array.from({ length: MAX_IN_FLIGHT }, () => this.#work(term)));
    term.signal.removeEventListener('abort', wakeAll);
    for (const cancel of this.#later.values()) cancel();
    this.#later.clear();
  }

  async #work(term: Term): Promise<void> {
    while (!term.signal.aborted) {
      const key = this.#take();
      if (key === null) {
        await new Promise<void>((resolve) => {
          this.#idle.add(resolve);
        });
        continue;
      }
      this.#inFlight.add(key);
      await this.#gate.turn(term.signal);
      // Much may have happened while it waited for its turn.
      const change = this.#plan(key);
      if (change !== null && term.holds()) await this.#write(key, change, term);
      this.#inFlight.delete(key);
    }
  }

  /** The next one that needs a write. */
  #take(): ObjectKey | null {
    for (const key of this.#dirty) {
      if (this.#inFlight.has(key)) continue;
      this.#dirty.delete(key);
      if (this.#plan(key) !== null) return key;
    }
    return null;
  }

  #plan(key: ObjectKey): Change | null {
    const record = this.#records.get(key);
    if (record === undefined || this.#addresses === null) return null;
    if (this.#ours.has(key)) return this.#planPublishing(key, record, this.#addresses);
    if (this.#departed.get(key) !== record.uid) return null;
    // Whoever serves it now may have written its own addresses already.
    const last = this.#lastWrites.get(key)?.fingerprint;
    if (record.published !== '' && (record.published === this.#fingerprint || record.published === last)) {
      return { record, addresses: [], fingerprint: '' };
    }
    this.#forget(key);
    return null;
  }

  /** Nothing of ours is left in its status. */
  #forget(key: ObjectKey): void {
    this.#departed.delete(key);
    this.#lastWrites.delete(key);
  }

  #planPublishing(key: ObjectKey, record: IngressRecord, addresses: readonly LoadBalancerAddress[]): Change | null {
    const fingerprint = this.#fingerprint;
    if (record.published === fingerprint || this.#refused.get(key) === record.uid) return null;
    const last = this.#lastWrites.get(key);
    const { clock, timing } = this.#options;
    const waitMs = last?.fingerprint === fingerprint ? last.atMs + timing.repeatMs - clock.nowMs() : 0;
    if (waitMs <= 0) return { record, addresses, fingerprint };
    this.#markAfter(key, waitMs);
    return null;
  }

  async #write(key: ObjectKey, { record, addresses, fingerprint }: Change, term: Term): Promise<void> {
    const { client, clock, counts, logger } = this.#options;
    // Nothing but these: labels and annotations would be written, too. The version keeps us from undoing what we did not see.
    const body = {
      metadata: { uid: record.uid, resourceVersion: record.resourceVersion },
      status: { loadBalancer: { ingress: addresses.length === 0 ? null : addresses } },
    };
    const request = { method: 'PATCH', path: `${ingressPath(key)}/status`, body } as const;
    try {
      const stored = await withDeadline(clock, WRITE_LIMIT_MS, term.signal, (signal) => client.write(request, signal));
      counts.add('status', 'ok');
      this.#backoff.reset();
      this.#deniedInLog = false;
      this.#lastWrites.set(key, { fingerprint, atMs: clock.nowMs() });
      if (fingerprint === '') this.#forget(key);
      this.observe(key, toIngressRecord(stored));
      logger.debug('ingress status written', { ingress: key, addresses: fingerprint });
    } catch (error) {
      counts.add('status', toWriteResult(error));
      if (!term.signal.aborted) await this.#recover(key, error, term);
      else this.#mark(key);
    }
  }

  async #recover(key: ObjectKey, error: unknown, term: Term): Promise<void> {
    const { logger, timing, clock, random, client } = this.#options;
    const result = toWriteResult(error);
    if (result === 'gone') return;
    if (result === 'conflict') return this.#readAnew(key, term);
    if (error instanceof KubeApiError && error.status === 422) {
      logger.warn('ingress status refused', { ingress: key, addresses: this.#fingerprint, error: error.message });
      this.#refused.set(key, this.#records.get(key)?.uid ?? '');
      return;
    }
    this.#mark(key);
    if (error instanceof KubeApiError && error.status === 401) client.dropCredentials();
    if (result === 'denied') {
      this.#gate.close(timing.deniedRetryMs * (1 + random()));
      if (!this.#deniedInLog) {
        const remedy = 'grant patch on ingresses/status (api group networking.k8s.io)';
        logger.error('ingress status cannot be written', { problem: `${(error as Error).message}; ${remedy}` });
      }
      this.#deniedInLog = true;
      return;
    }
    const retryAfterMs = (error instanceof KubeApiError ? error.retryAfterMs : null) ?? 0;
    this.#gate.close(Math.max(this.#backoff.nextDelayMs(clock.nowMs()), retryAfterMs));
    logger.debug('ingress status not written', { ingress: key, error });
  }

  async #readAnew(key: ObjectKey, term: Term): Promise<void> {
    const { client, clock, logger, timing } = this.#options;
    try {
      const raw = await withDeadline(clock, WRITE_LIMIT_MS, term.signal, (signal) =>
        client.getObject(ingressPath(key), signal),
      );
      this.correct(key, toIngressRecord(raw));
    } catch (error) {
      logger.debug('ingress not read', { ingress: key, error });
      if (toWriteResult(error) === 'gone') return;
    }
    this.#markAfter(key, timing.conflictMs);
  }

  #mark(key: ObjectKey): void {
    this.#dirty.add(key);
    this.#wake();
  }

  #markAfter(key: ObjectKey, delayMs: number): void {
    this.#later.get(key)?.();
    const due = (): void => {
      this.#later.delete(key);
      this.#mark(key);
    };
    this.#later.set(key, this.#options.clock.schedule(delayMs, due));
  }

  #wake(): void {
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}
