/**
 * What all mirroring of one worker shares: targets, limits, the sweep that ends copies whose target does not answer, and the
 * newest answers that differed. Costs nothing before the first route that mirrors: `undici` is loaded by then.
 */
import { LRUCache } from 'lru-cache';
import type { Pool } from 'undici';
import type { MirrorConfig } from '../../model/mirror.ts';
import { Roster, type RosterEntry } from '../../model/roster.ts';
import type { MirrorSample, MirrorState } from '../../model/worker-stats.ts';
import type { Sweepable, Watch } from '../coarse-clock.ts';
import { ThrottledWarning } from '../throttled-warning.ts';
import type { WorkerContext } from '../worker-context.ts';
import { MAX_COPIES_PER_TARGET, MirrorTarget } from './mirror-target.ts';

/** Copies at once to all targets together. */
const MAX_COPIES = 256;
/** Of one request: more than that, and it is not mirrored. */
export const MAX_COPY_BYTES = 1_048_576;
/** Of all requests that are being mirrored. */
const MAX_BUFFERED_BYTES = 16_777_216;
/** From the whole request to the whole answer. */
export const COPY_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 1_000;
const IDLE_TIMEOUT_MS = 4_000;
/** Those that are used least are forgotten: configurations come and go. */
const MAX_TARGETS = 256;
const MAX_SAMPLES = 64;

/** A copy that waits for an answer. */
export interface Running {
  readonly deadlineMs: number;
  onTimeout(): void;
}

type CreatePool = (origin: string, verify: boolean) => Pool;

export class Mirrors implements Sweepable {
  readonly #worker: WorkerContext;
  readonly #targets: LRUCache<string, MirrorTarget>;
  readonly #running: Roster<Running>;
  readonly #samples: MirrorSample[];
  readonly #warning: ThrottledWarning;
  #loading: Promise<CreatePool> | null;
  #createPool: CreatePool | null;
  #bufferedBytes: number;
  #watch: Watch | null;

  constructor(worker: WorkerContext) {
    this.#worker = worker;
    this.#targets = new LRUCache({ max: MAX_TARGETS, dispose: ({ pool }) => void pool.destroy() });
    this.#running = new Roster();
    this.#samples = [];
    this.#warning = new ThrottledWarning(worker, 'mirror target fails, pausing');
    this.#loading = null;
    this.#createPool = null;
    this.#bufferedBytes = 0;
    this.#watch = null;
  }

  get nowMs(): number {
    return this.#worker.clock.nowMs;
  }

  get full(): boolean {
    return this.#running.size >= MAX_COPIES;
  }

  get state(): MirrorState {
    return { inFlight: this.#running.size, bufferedBytes: this.#bufferedBytes, samples: this.#samples };
  }

  /** To be awaited before the first request that may be mirrored. */
  async prepare(): Promise<void> {
    if (this.#createPool !== null) return;
    this.#loading ??= loadPools();
    this.#createPool = await this.#loading;
    this.#watch ??= this.#worker.clock.watch(this);
  }

  /** Null while nothing is prepared. */
  targetFor({ origin, host, verify }: MirrorConfig): MirrorTarget | null {
    const key = `${verify ? '+' : '-'} ${origin} ${host}`;
    const known = this.#targets.get(key);
    if (known !== undefined || this.#createPool === null) return known ?? null;
    const target = new MirrorTarget(origin, this.#createPool(origin, verify));
    this.#targets.set(key, target);
    return target;
  }

  /** @returns false: there is no room */
  reserve(bytes: number): boolean {
    if (this.#bufferedBytes + bytes > MAX_BUFFERED_BYTES) return false;
    this.#bufferedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bufferedBytes -= bytes;
  }

  enter(copy: Running, target: MirrorTarget): RosterEntry<Running> {
    target.inFlight++;
    return this.#running.add(copy);
  }

  leave(entry: RosterEntry<Running>, target: MirrorTarget): void {
    entry.leave();
    target.inFlight--;
  }

  /** @param reason empty = the target answered */
  record(target: MirrorTarget, reason: string): void {
    if (target.record(reason === '', this.nowMs)) this.#warning.warn({ target: target.origin, reason });
  }

  addSample(sample: MirrorSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  onTick(nowMs: number): void {
    this.#running.forEach((copy) => {
      if (nowMs >= copy.deadlineMs) copy.onTimeout();
    });
  }

  /** Cuts what is under way. */
  close(): void {
    this.#watch?.leave();
    this.#targets.clear();
  }
}

/** Loading takes tens of milliseconds and megabytes that only workers with mirrors pay. */
async function loadPools(): Promise<CreatePool> {
  const { Pool } = await import('undici');
  return (origin, verify) =>
    new Pool(origin, {
      connections: MAX_COPIES_PER_TARGET,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_TIMEOUT_MS, rejectUnauthorized: verify },
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      // `COPY_TIMEOUT_MS` limits all of it, without a timer for each copy.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
}
