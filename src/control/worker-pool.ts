/**
 * The data-plane threads as the control plane sees them: told what to run, asked for their counters, replaced when they
 * die. A replacement gets the whole present configuration before it takes its first connection.
 */
import type { Logger } from '../log/logger.ts';
import type { ConfigChanges } from '../model/config-changes.ts';
import { type WrittenPatch, writePatch } from '../model/config-patch.ts';
import type {
  EjectionChange,
  EndpointChange,
  HealthChange,
  ListenerConfig,
  ProxyConfig,
} from '../model/proxy-config.ts';
import type { ReleaseFigures } from '../model/release.ts';
import type { BoundPort, WorkerSettings } from '../model/worker-messages.ts';
import type { RowChoice, WorkerStats } from '../model/worker-stats.ts';
import { checkPorts } from './check-ports.ts';
import { diffConfigs } from './config-differ.ts';
import { EjectionBoard } from './ejection-board.ts';
import { ReleaseTotals } from './release-totals.ts';
import { TicketKeys } from './ticket-keys.ts';
import { Watchdog } from './watchdog.ts';
import { WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  /** The script a thread runs. */
  readonly script: URL;
  readonly count: number;
  readonly settings: Omit<WorkerSettings, 'workerId' | 'pulse'>;
  /** A thread that shows no sign of life for this long is replaced; 0 = never. */
  readonly hangTimeoutMs: number;
  /** The first configuration may share its ports with another process. */
  readonly takeover: boolean;
  readonly logger: Logger;
  readonly onAccessLines: (lines: string) => void;
  /** What a new thread must be told about endpoints that are down. */
  readonly health: () => readonly HealthChange[];
  /** A thread died: its counters will not come back. */
  readonly onWorkerLost: (workerId: number) => void;
}

/** A thread that dies at once again and again is restarted this much later each time, up to the maximum. */
const RESTART_BACKOFF_MS = 100;
const MAX_RESTART_BACKOFF_MS = 5_000;
const STABLE_AFTER_MS = 10_000;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #threads: Map<number, WorkerThread>;
  readonly #ticketKeys: TicketKeys;
  readonly #watchdog: Watchdog;
  readonly #ejections: EjectionBoard;
  readonly #releaseTotals: ReleaseTotals;
  #nextId: number;
  #running: ProxyConfig | null;
  #ports: readonly BoundPort[];
  #leaving: boolean;
  #draining: boolean;
  #quickDeaths: number;
  /** Threads that died and were replaced, those that hung included. */
  restarts: number;
  hangs: number;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#threads = new Map();
    this.#ticketKeys = new TicketKeys((keys) => {
      for (const thread of this.#threads.values()) thread.post({ type: 'ticket-keys', keys });
    });
    this.#watchdog = new Watchdog(options.hangTimeoutMs, () => this.#threads.values());
    this.#ejections = new EjectionBoard(options.logger);
    this.#releaseTotals = new ReleaseTotals();
    this.#nextId = 1;
    this.#running = null;
    this.#ports = [];
    this.#leaving = false;
    this.#draining = false;
    this.#quickDeaths = 0;
    this.restarts = 0;
    this.hangs = 0;
  }

  /** Where listeners are bound; empty before the first configuration. */
  get ports(): readonly BoundPort[] {
    return this.#ports;
  }

  get size(): number {
    return this.#threads.size;
  }

  /** True once every thread runs a configuration. */
  get ready(): boolean {
    if (this.#threads.size < this.#options.count) return false;
    return [...this.#threads.values()].every((thread) => thread.generation > 0);
  }

  start(): void {
    this.#ticketKeys.start();
    this.#watchdog.start();
    while (this.#threads.size < this.#options.count) this.#spawn();
  }

  /**
   * Puts a configuration into force in every thread, or in none: when one refuses, the others go back.
   * @param changes what differs from the one before, if that is known
   * @returns an empty text, or why it was refused
   */
  async apply(config: ProxyConfig, changes: ConfigChanges | null = null): Promise<string> {
    const previous = this.#running;
    if (previous !== null || !this.#options.takeover) {
      const occupied = await checkPorts(config.listeners.filter((wanted) => !this.#isOpen(wanted)));
      if (occupied !== '') return occupied;
    }
    // A thread started from here on, to replace one that dies meanwhile, must not miss this configuration.
    this.#running = config;
    this.#ejections.retain(config);
    const patch = previous === null ? null : diffConfigs(previous, config, changes);
    const refused = await this.#applyToAll(config, patch === null ? null : writePatch(patch));
    if (refused === '') {
      this.#releaseTotals.retain(config);
      return '';
    }
    this.#running = previous;
    if (previous !== null) await this.#applyToAll(previous, null);
    return refused;
  }

  /** @param running the present configuration with the changes folded in, for threads started later */
  async applyEndpoints(changes: readonly EndpointChange[], running: ProxyConfig): Promise<void> {
    this.#running = running;
    this.#ejections.retain(running);
    await Promise.all(Array.from(this.#threads.values(), (thread) => thread.applyEndpoints(changes)));
  }

  applyHealth(changes: readonly HealthChange[]): void {
    for (const change of changes) if (change.healthy) this.#ejections.forgive(change.upstreamId, change.endpointId);
    for (const thread of this.#threads.values()) thread.post({ type: 'health', changes });
  }

  async collect(rows: RowChoice): Promise<readonly WorkerStats[]> {
    const answers = await Promise.all(Array.from(this.#threads.values(), (thread) => thread.collect(rows)));
    return answers.filter((stats) => stats !== null);
  }

  /** Running totals of all threads, those that died included. */
  async collectReleaseFigures(): Promise<readonly ReleaseFigures[]> {
    await Promise.all(Array.from(this.#threads.values(), (thread) => thread.askForReleaseFigures()));
    return this.#releaseTotals.sum();
  }

  /** Announces a drain: everything goes on, but clients are asked to connect anew for each request. */
  leave(): void {
    this.#leaving = true;
    for (const thread of this.#threads.values()) thread.post({ type: 'leave' });
  }

  /** Lets requests finish, cuts what is left at the deadline, ends the threads. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true;
    this.#ticketKeys.stop();
    this.#watchdog.stop();
    await Promise.all(Array.from(this.#threads.values(), (thread) => thread.drain(deadlineMs)));
  }

  #isOpen(wanted: ListenerConfig): boolean {
    const listeners = this.#running?.listeners ?? [];
    return listeners.some(({ address, port }) => address === wanted.address && port === wanted.port);
  }

  async #applyToAll(config: ProxyConfig, patch: WrittenPatch | null): Promise<string> {
    const [first, ...others] = this.#threads.values();
    if (first === undefined) return 'no worker is running';
    // The first one finds the ports for listeners that ask for any free one; the others then join it there.
    const alone = config.listeners.some(
      ({ name, port }) => port === 0 && !this.#ports.some((bound) => bound.listener === name),
    );
    const firstApplied = this.#applyTo(first, config, patch);
    if (alone) await firstApplied;
    const errors = await Promise.all([firstApplied, ...others.map((thread) => this.#applyTo(thread, config, patch))]);
    return errors.find((error) => error !== '') ?? '';
  }

  async #applyTo(thread: WorkerThread, config: ProxyConfig, patch: WrittenPatch | null): Promise<string> {
    const result = await thread.apply(config, this.#ports, patch);
    if (result.ports.length > 0) this.#ports = result.ports;
    return result.error;
  }

  #spawn(): void {
    const { script, settings, logger, onAccessLines } = this.#options;
    const startedMs = performance.now();
    const thread = new WorkerThread({
      script,
      settings: { ...settings, workerId: this.#nextId++ },
      logger,
      onAccessLines,
      onEjections: (changes) => this.#onEjections(thread, changes),
      // Not by a promise: news of the end of a thread may come before those who wait for its answer go on.
      onReleaseFigures: (figures) => this.#releaseTotals.note(thread.id, figures),
      onLateRefusal: (error) => thread.kill(`configuration refused after a silence: ${error}`),
      onHung: (silentMs) => this.#onHung(thread, silentMs),
      onExit: (error) => this.#onExit(thread, error, performance.now() - startedMs),
    });
    this.#threads.set(thread.id, thread);
    thread.post({ type: 'ticket-keys', keys: this.#ticketKeys.current });
    if (this.#leaving) thread.post({ type: 'leave' });
    if (this.#running !== null) void this.#bringUp(thread, this.#running);
  }

  async #bringUp(thread: WorkerThread, config: ProxyConfig): Promise<void> {
    const error = await this.#applyTo(thread, config, null);
    if (error !== '')
      this.#options.logger.error('worker could not take the configuration', { worker: thread.id, error });
    const health = this.#options.health();
    if (health.length > 0) thread.post({ type: 'health', changes: health });
    const ejections = this.#ejections.snapshot();
    if (ejections.length > 0) thread.post({ type: 'ejections', changes: ejections });
  }

  /** The others need not have the same failures to know. */
  #onEjections(from: WorkerThread, changes: readonly EjectionChange[]): void {
    this.#ejections.note(changes);
    for (const thread of this.#threads.values()) if (thread !== from) thread.post({ type: 'ejections', changes });
  }

  #onHung(thread: WorkerThread, silentMs: number): void {
    this.hangs++;
    this.#options.logger.error('worker hangs, ending it', { worker: thread.id, silentMs });
    thread.kill(`no sign of life for ${silentMs} ms`);
  }

  #onExit(thread: WorkerThread, error: Error | null, livedMs: number): void {
    this.#threads.delete(thread.id);
    this.#releaseTotals.retire(thread.id);
    this.#options.onWorkerLost(thread.id);
    if (this.#draining) return;
    this.restarts++;
    this.#quickDeaths = livedMs < STABLE_AFTER_MS ? this.#quickDeaths + 1 : 0;
    this.#options.logger.error('worker died, starting another', { worker: thread.id, error });
    if (this.#quickDeaths < 3) {
      this.#spawn();
      return;
    }
    const delayMs = Math.min(MAX_RESTART_BACKOFF_MS, RESTART_BACKOFF_MS * 2 ** (this.#quickDeaths - 3));
    setTimeout(() => {
      if (!this.#draining) this.start();
    }, delayMs);
  }
}
