/**
 * Decides by a Lease which of several replicas writes to the cluster. All of them serve traffic; an election that cannot take
 * place costs nothing but status and Events. What the leader does is passed in as `lead`.
 */
import type { Logger } from '../log/logger.ts';
import { type Clock, pause, withDeadline } from './clock.ts';
import type { KubeClient } from './kube-client.ts';
import { KubeApiError } from './kube-error.ts';
import { giveBack, type Lease, type LeaseClaim, newLease, readLease, renew, takeOver } from './lease.ts';
import type { JsonRecord } from './narrow-object.ts';
import { toWriteResult, type WriteCounts } from './write-counts.ts';

/** client-go's figures. `leaseMs` > `renewDeadlineMs` > 1.2 × `retryMs`. */
export interface ElectionTiming {
  /** How long others wait for a silent leader. Whole seconds count. */
  readonly leaseMs: number;
  /** A leader that could not renew for this long stops leading, well before others may begin. */
  readonly renewDeadlineMs: number;
  /** Between two attempts; candidates wait up to a fifth longer, so that they do not march in step. */
  readonly retryMs: number;
  /** Between two attempts while the rights for it are missing; up to twice as long. */
  readonly deniedRetryMs: number;
}

export const DEFAULT_ELECTION_TIMING: ElectionTiming = {
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
  deniedRetryMs: 30_000,
};

/** The time from winning an election to losing it. */
export interface Term {
  /** Aborts at the end of the term. */
  readonly signal: AbortSignal;
  /** To be asked before each write: timers may be late after a stall, and this is not. */
  holds(): boolean;
}

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  /** `--election-id`. */
  readonly name: string;
  readonly namespace: string;
  /** Different for each process: a restarted one is another candidate. */
  readonly identity: string;
  /** Does the leader's work. Must end soon after the term does, without rejecting. */
  readonly lead: (term: Term) => Promise<void>;
  readonly counts: WriteCounts;
  readonly logger: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly timing: ElectionTiming;
}

/** Shutdown does not wait longer for the lease to be given back: without that the next leader comes a lease later. */
const RELEASE_LIMIT_MS = 2_000;
const CANDIDATE_JITTER = 0.2;

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  /** As last read or written; null = to be read. */
  #lease: Lease | null;
  /** What a candidate saw last in the record, and when by its own clock: those of other machines prove nothing. */
  #observedRecord: string;
  #observedMs: number;
  /** When the last successful renewal was sent. */
  #renewedMs: number;
  #term: AbortController | null;
  /** The work of the last term; a new term waits for its end. */
  #work: Promise<void>;
  #cancelDeadline: () => void;
  #holderInLog: string;
  #deniedInLog: boolean;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#lease = null;
    this.#observedRecord = '';
    this.#observedMs = 0;
    this.#renewedMs = Number.NEGATIVE_INFINITY;
    this.#term = null;
    this.#work = Promise.resolve();
    this.#cancelDeadline = () => {};
    this.#holderInLog = '';
    this.#deniedInLog = false;
  }

  get isLeader(): boolean {
    return this.#term !== null && this.#inTime();
  }

  /** Takes part until `signal` aborts; then ends the term, and gives the lease back. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await pause(this.#options.clock, await this.#attempt(signal), signal);
    this.#endTerm();
    await this.#work;
    await this.#release().catch((error: unknown) => {
      this.#options.logger.debug('lease not given back', { lease: this.#path(), error });
    });
  }

  /** Returns how long to wait for the next attempt. */
  async #attempt(signal: AbortSignal): Promise<number> {
    const { timing, logger, random, clock } = this.#options;
    if (this.#term !== null && !this.#inTime()) this.#lose('the lease was not renewed in time');
    try {
      // Two attempts fit into the time a leader has.
      await withDeadline(clock, timing.renewDeadlineMs / 2, signal, (either) => this.#acquireOrRenew(either));
      if (this.#deniedInLog) logger.info('leader election possible again', { lease: this.#path() });
      this.#deniedInLog = false;
    } catch (error) {
      if (signal.aborted) return 0;
      logger.debug('leader election failed', { lease: this.#path(), error });
      if (isDenied(error)) this.#reportDenial(error);
      const delayMs = isDenied(error) && this.#term === null ? timing.deniedRetryMs * (1 + random()) : timing.retryMs;
      return Math.max(delayMs, (error instanceof KubeApiError ? error.retryAfterMs : null) ?? 0);
    }
    return this.#term === null ? timing.retryMs * (1 + CANDIDATE_JITTER * random()) : timing.retryMs;
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<void> {
    const { identity, name, namespace } = this.#options;
    // The holder writes without reading first. It reads when that fails because somebody else wrote.
    if (this.#term !== null && this.#lease !== null && (await this.#claim(renew, this.#lease, signal))) return;
    const lease = await this.#read(signal);
    if (lease === null) {
      await this.#put('POST', this.#collection(), (claim) => newLease(name, namespace, claim), signal);
      return;
    }
    this.#observe(lease);
    // Also after a write whose answer was lost.
    if (lease.holder === identity) {
      await this.#claim(renew, lease, signal);
      return;
    }
    if (this.#term !== null) this.#lose(`${lease.holder || 'somebody'} took the lease`);
    if (this.#isVacant(lease)) await this.#claim(takeOver, lease, signal);
    else this.#noteHolder(lease.holder);
  }

  /** False when somebody else changed or deleted the lease first. */
  async #claim(
    change: (lease: Lease, claim: LeaseClaim) => JsonRecord,
    lease: Lease,
    signal: AbortSignal,
  ): Promise<boolean> {
    return this.#put('PUT', this.#path(), (claim) => change(lease, claim), signal);
  }

  async #put(
    method: 'POST' | 'PUT',
    path: string,
    body: (claim: LeaseClaim) => JsonRecord,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, clock, counts, identity, timing } = this.#options;
    const sentMs = clock.nowMs();
    const claim = { holder: identity, durationMs: timing.leaseMs, now: Date.now() };
    try {
      this.#lease = readLease(await client.write({ method, path, body: body(claim) }, signal));
    } catch (error) {
      counts.add('lease', toWriteResult(error));
      this.#lease = null;
      if (error instanceof KubeApiError && (error.status === 409 || (method === 'PUT' && error.status === 404))) {
        return false;
      }
      throw error;
    }
    counts.add('lease', 'ok');
    this.#renewedMs = sentMs;
    if (this.#term === null) await this.#win(signal);
    this.#armDeadline();
    return true;
  }

  async #read(signal: AbortSignal): Promise<Lease | null> {
    try {
      return readLease(await this.#options.client.getObject(this.#path(), signal));
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return null;
      throw error;
    }
  }

  #observe(lease: Lease): void {
    if (lease.record === this.#observedRecord) return;
    this.#observedRecord = lease.record;
    this.#observedMs = this.#options.clock.nowMs();
  }

  #isVacant(lease: Lease): boolean {
    return lease.holder === '' || this.#options.clock.nowMs() - this.#observedMs >= lease.durationMs;
  }

  #inTime(): boolean {
    const { clock, timing } = this.#options;
    return clock.nowMs() - this.#renewedMs < timing.renewDeadlineMs;
  }

  async #win(signal: AbortSignal): Promise<void> {
    // The work of a former term has been told to end.
    await this.#work;
    if (signal.aborted) return;
    const end = new AbortController();
    this.#term = end;
    this.#noteHolder(this.#options.identity);
    const term: Term = { signal: end.signal, holds: () => !end.signal.aborted && this.#inTime() };
    this.#work = this.#options.lead(term).catch((error: unknown) => {
      this.#options.logger.error('leader work failed', { error });
    });
  }

  #armDeadline(): void {
    const { clock, timing } = this.#options;
    this.#cancelDeadline();
    if (this.#term === null) return;
    const leftMs = this.#renewedMs + timing.renewDeadlineMs - clock.nowMs();
    this.#cancelDeadline = clock.schedule(leftMs, () => this.#lose('the lease was not renewed in time'));
  }

  #lose(reason: string): void {
    if (this.#term === null) return;
    this.#endTerm();
    this.#holderInLog = '';
    this.#options.logger.warn('leadership lost', { lease: this.#path(), reason });
  }

  #endTerm(): void {
    this.#cancelDeadline();
    this.#term?.abort();
    this.#term = null;
  }

  /** A lost answer makes ours stale, so it is read once more then. */
  async #release(): Promise<void> {
    const { client, clock, identity, counts } = this.#options;
    if (!Number.isFinite(this.#renewedMs)) return;
    await withDeadline(clock, RELEASE_LIMIT_MS, new AbortController().signal, async (signal) => {
      const lease = this.#lease ?? (await this.#read(signal));
      if (lease?.holder !== identity) return;
      await client.write({ method: 'PUT', path: this.#path(), body: giveBack(lease, Date.now()) }, signal);
      counts.add('lease', 'ok');
      this.#options.logger.info('lease given back', { lease: this.#path() });
    });
  }

  #noteHolder(holder: string): void {
    if (holder === this.#holderInLog) return;
    this.#holderInLog = holder;
    const leading = holder === this.#options.identity;
    this.#options.logger.info(leading ? 'leading' : 'following', { lease: this.#path(), holder });
  }

  #reportDenial(error: KubeApiError): void {
    if (this.#deniedInLog) return;
    this.#deniedInLog = true;
    const { name, namespace, logger } = this.#options;
    const remedy =
      error.status === 404
        ? `namespace ${namespace} must exist`
        : `grant create on leases, and get and update on ${name} (api group coordination.k8s.io) by a Role and its RoleBinding in ${namespace}`;
    logger.error('leader election impossible', {
      lease: this.#path(),
      problem: `${error.message}: traffic is served, but this replica writes neither status nor events; ${remedy}`,
    });
  }

  #collection(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(this.#options.namespace)}/leases`;
  }

  #path(): string {
    return `${this.#collection()}/${encodeURIComponent(this.#options.name)}`;
  }
}

/** 404 comes when the namespace is missing. */
function isDenied(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && (error.status === 403 || error.status === 404);
}
