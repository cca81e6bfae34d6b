/**
 * How replicas tell the leader what their requests told of releases: each keeps a Lease of its own while one is under way,
 * with the figures in an annotation, and the leader lists them. No pod has to reach another one.
 */
import { createHash } from 'node:crypto';
import type { Logger } from '../log/logger.ts';
import { formatReplicaFigures, parseReplicaFigures, type ReplicaFigures } from '../model/replica-figures.ts';
import { type Clock, pause, withDeadline } from './clock.ts';
import type { KubeClient, WriteRequest } from './kube-client.ts';
import { asRecord, KubeApiError } from './kube-error.ts';
import { toMicroTime } from './micro-time.ts';
import { toWriteResult, type WriteCounts } from './write-counts.ts';

export interface ReplicaTiming {
  /** Between two writes of the own figures. */
  readonly tellMs: number;
  /** Between two looks of the leader at those of others. */
  readonly listMs: number;
  /** Figures that did not change for this long are left out. */
  readonly silentMs: number;
  /** Leases that did not change for this long are deleted. */
  readonly forgetMs: number;
  /** Between two attempts while the rights for it are missing. */
  readonly deniedRetryMs: number;
}

export const DEFAULT_REPLICA_TIMING: ReplicaTiming = {
  tellMs: 5_000,
  listMs: 3_000,
  silentMs: 20_000,
  forgetMs: 10 * 60_000,
  deniedRetryMs: 60_000,
};

export interface ReplicaLeasesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly electionId: string;
  readonly identity: string;
  readonly isLeader: () => boolean;
  readonly counts: WriteCounts;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timing: ReplicaTiming;
}

interface Heard {
  readonly version: string;
  /** When this version was first seen, by our own clock: those of other machines prove nothing. */
  readonly seenMs: number;
  readonly rows: readonly ReplicaFigures[];
}

const LABEL = 'sluice.dev/release-figures';
const ANNOTATION = 'sluice.dev/release-figures';
const LEASE_SECONDS = 15;
const REQUEST_LIMIT_MS = 4_000;
/** Shutdown does not wait longer for the lease to be deleted. */
const WITHDRAW_LIMIT_MS = 2_000;
/** Of all replicas together. */
const MAX_LIST_BYTES = 16 * 1_024 * 1_024;
const MAX_REPLICAS = 256;
const MAX_LABEL_CHARS = 63;

export class ReplicaLeases {
  readonly #options: ReplicaLeasesOptions;
  readonly #name: string;
  readonly #label: string;
  #own: readonly ReplicaFigures[];
  #heard: ReadonlyMap<string, Heard>;
  #exists: boolean;
  #wake: AbortController;
  #deniedInLog: boolean;

  constructor(options: ReplicaLeasesOptions) {
    this.#options = options;
    const { electionId, identity } = options;
    this.#name = `${electionId.slice(0, 200)}-${digest(identity)}`;
    this.#label = electionId.length <= MAX_LABEL_CHARS ? electionId : digest(electionId);
    this.#own = [];
    this.#heard = new Map();
    this.#exists = false;
    this.#wake = new AbortController();
    this.#deniedInLog = false;
  }

  tell(own: readonly ReplicaFigures[]): void {
    const before = this.#own;
    this.#own = own;
    // What others said of an earlier release says nothing of the next one.
    if (own.length === 0) this.#heard = new Map();
    const stops = own.some(({ stopped, figures }) => stopped !== '' && !wasStopped(before, figures.id));
    // What is new cannot wait; counts have their time.
    if (stops || (own.length === 0) !== (before.length === 0)) this.#wakeUp();
  }

  heard(): readonly ReplicaFigures[] {
    if (!this.#options.isLeader()) return [];
    return [...this.#heard.values()].flatMap((each) => (this.#isSilent(each) ? [] : each.rows));
  }

  silent(): number {
    if (!this.#options.isLeader()) return 0;
    return [...this.#heard.values()].filter((each) => each.rows.length > 0 && this.#isSilent(each)).length;
  }

  /** Until `signal` aborts; then the own lease is deleted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, isLeader, timing } = this.#options;
    while (!signal.aborted) {
      // Also what comes while a request is under way ends the pause.
      const wake = this.#wake.signal;
      let delayMs = Number.POSITIVE_INFINITY;
      try {
        if (this.#own.length > 0 && isLeader()) {
          delayMs = timing.listMs;
          await this.#list(signal);
        } else if (this.#own.length > 0) {
          delayMs = timing.tellMs;
          await this.#publish(signal);
        }
        if (this.#own.length === 0 || isLeader()) await this.#withdraw(signal, REQUEST_LIMIT_MS);
        this.#deniedInLog = false;
      } catch (error) {
        if (signal.aborted) break;
        logger.debug('figures of releases not exchanged', { lease: this.#name, error });
        if (isDenied(error)) delayMs = this.#reportDenial(error);
      }
      await pauseOrWait(clock, delayMs, AbortSignal.any([signal, wake]));
    }
    await this.#withdraw(new AbortController().signal, WITHDRAW_LIMIT_MS).catch((error: unknown) => {
      logger.debug('lease not deleted', { lease: this.#name, error });
    });
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { identity } = this.#options;
    const annotations = { [ANNOTATION]: formatReplicaFigures(this.#own) };
    const renewTime = toMicroTime(Date.now());
    if (this.#exists) {
      const body = { metadata: { annotations }, spec: { renewTime } };
      if (await this.#write({ method: 'PATCH', path: this.#path(this.#name), body }, 'gone', signal)) return;
      this.#exists = false;
    }
    const { namespace } = this.#options;
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: this.#name, namespace, labels: { [LABEL]: this.#label }, annotations },
      spec: { holderIdentity: identity, leaseDurationSeconds: LEASE_SECONDS, renewTime },
    };
    await this.#write({ method: 'POST', path: this.#path(''), body }, 'exists', signal);
    this.#exists = true;
  }

  async #withdraw(signal: AbortSignal, limitMs: number): Promise<void> {
    if (!this.#exists) return;
    await this.#delete(this.#name, signal, limitMs);
    this.#exists = false;
  }

  async #delete(name: string, signal: AbortSignal, limitMs: number = REQUEST_LIMIT_MS): Promise<void> {
    await this.#write({ method: 'DELETE', path: this.#path(name), body: {} }, 'gone', signal, limitMs);
  }

  /** False where it came to `expected`, which is no fault. */
  async #write(
    request: WriteRequest,
    expected: 'gone' | 'exists',
    signal: AbortSignal,
    limitMs: number = REQUEST_LIMIT_MS,
  ): Promise<boolean> {
    const { client, clock, counts } = this.#options;
    try {
      await withDeadline(clock, limitMs, signal, (either) => client.write(request, either));
      counts.add('lease', 'ok');
      return true;
    } catch (error) {
      const result = toWriteResult(error);
      counts.add('lease', result);
      if (result === expected) return false;
      throw error;
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, clock, timing } = this.#options;
    const query = { labelSelector: `${LABEL}=${this.#label}`, limit: String(MAX_REPLICAS) };
    const text = await withDeadline(clock, REQUEST_LIMIT_MS, signal, (either) =>
      client.getText(this.#path(''), query, MAX_LIST_BYTES, either),
    );
    const nowMs = clock.nowMs();
    const { items } = asRecord(JSON.parse(text));
    const heard = new Map<string, Heard>();
    for (const item of Array.isArray(items) ? items.slice(0, MAX_REPLICAS) : []) {
      const { name, resourceVersion, annotations } = asRecord(asRecord(item)['metadata']);
      if (typeof name !== 'string' || name === this.#name) continue;
      const version = String(resourceVersion);
      const known = this.#heard.get(name);
      const figures = asRecord(annotations)[ANNOTATION];
      const rows = typeof figures === 'string' ? parseReplicaFigures(figures) : [];
      heard.set(name, known?.version === version ? known : { version, seenMs: nowMs, rows });
    }
    this.#heard = heard;
    for (const [name, { seenMs }] of heard) if (nowMs - seenMs > timing.forgetMs) await this.#delete(name, signal);
  }

  #isSilent({ seenMs }: Heard): boolean {
    return this.#options.clock.nowMs() - seenMs > this.#options.timing.silentMs;
  }

  #reportDenial(error: KubeApiError): number {
    const { logger, namespace, timing } = this.#options;
    const remedy = `grant create, list, patch and delete on leases (api group coordination.k8s.io) by a Role in ${namespace}`;
    const problem = `${error.message}: releases are judged by what the leader itself counts; ${remedy}`;
    if (!this.#deniedInLog) logger.error('figures of releases cannot be exchanged', { problem });
    this.#deniedInLog = true;
    return timing.deniedRetryMs;
  }

  #wakeUp(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  #path(name: string): string {
    const namespace = encodeURIComponent(this.#options.namespace);
    const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    return name === '' ? collection : `${collection}/${encodeURIComponent(name)}`;
  }
}

function wasStopped(rows: readonly ReplicaFigures[], id: string): boolean {
  return rows.some(({ stopped, figures }) => stopped !== '' && figures.id === id);
}

/** Names of objects take no underscores, and identities hold them. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function isDenied(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 403;
}

/** Timers cannot be set to no end. */
async function pauseOrWait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (Number.isFinite(delayMs)) return pause(clock, delayMs, signal);
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
