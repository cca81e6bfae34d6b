/** One data-plane thread and the questions that are open with it. Every promise settles, also when the thread dies. */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../log/logger.ts';
import type { WrittenPatch } from '../model/config-patch.ts';
import type { EjectionChange, EndpointChange, ProxyConfig } from '../model/proxy-config.ts';
import type { ReleaseFigures } from '../model/release.ts';
import type { BoundPort, FromWorker, ToWorker, WorkerSettings } from '../model/worker-messages.ts';
import type { RowChoice, StatsRows, WorkerStats } from '../model/worker-stats.ts';
import { OpenQuestions } from './open-questions.ts';
import type { Watched } from './watchdog.ts';

export interface WorkerThreadOptions {
  readonly script: URL;
  readonly settings: Omit<WorkerSettings, 'pulse'>;
  readonly logger: Logger;
  readonly onAccessLines: (lines: string) => void;
  readonly onEjections: (changes: readonly EjectionChange[]) => void;
  /** Running totals. Called as soon as they are there, and never after `onExit`. */
  readonly onReleaseFigures: (figures: readonly ReleaseFigures[]) => void;
  /** It has refused, or could not run, a configuration for whose answer nobody waited any longer. */
  readonly onLateRefusal: (error: string) => void;
  /** It has shown no sign of life for this long. */
  readonly onHung: (silentMs: number) => void;
  /** Once; `error` is what it died of, null when it ended by itself. */
  readonly onExit: (error: Error | null) => void;
}

export interface ApplyResult {
  /** Empty on success, and when the thread died or fell silent before it could say. */
  readonly error: string;
  readonly ports: readonly BoundPort[];
}

/** A configuration it was told to run, and who waits for the answer. */
interface PendingApply {
  readonly config: ProxyConfig;
  readonly ports: readonly BoundPort[];
  readonly resolve: (result: ApplyResult) => void;
}

/** A thread that has not drained this long after its deadline never will. */
const DRAIN_GRACE_MS = 5_000;

export class WorkerThread implements Watched {
  readonly id: number;
  /** In force; 0 = none yet. */
  generation: number;
  readonly #options: WorkerThreadOptions;
  readonly #worker: Worker;
  readonly #pulse: Int32Array;
  readonly #applies: Map<number, PendingApply>;
  readonly #endpointApplies: Map<number, () => void>;
  readonly #scrapes: OpenQuestions<WorkerStats>;
  /** Of answers that are not complete yet. */
  readonly #rows: Map<number, StatsRows[]>;
  readonly #figureRequests: OpenQuestions<true>;
  #sequence: number;
  /** Where its pulse stood when it fell silent; 0 = it has not. */
  #silentPulse: number;
  #error: Error | null;
  #exited: boolean;
  #onDrained: (() => void) | null;

  constructor(options: WorkerThreadOptions) {
    this.id = options.settings.workerId;
    this.generation = 0;
    this.#options = options;
    this.#applies = new Map();
    this.#endpointApplies = new Map();
    this.#scrapes = new OpenQuestions();
    this.#rows = new Map();
    this.#figureRequests = new OpenQuestions();
    this.#sequence = 0;
    this.#silentPulse = 0;
    this.#error = null;
    this.#exited = false;
    this.#onDrained = null;
    this.#pulse = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const workerData: WorkerSettings = { ...options.settings, pulse: this.#pulse };
    this.#worker = new Worker(options.script, { workerData, name: `sluice-worker-${this.id}` });
    this.#worker.on('message', (message: FromWorker) => this.#onMessage(message));
    this.#worker.on('error', (error) => {
      this.#error = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', () => this.#onExit());
  }

  get pulse(): number {
    return Atomics.load(this.#pulse, 0);
  }

  get #silent(): boolean {
    return this.#silentPulse !== 0 && this.#silentPulse === this.pulse;
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /**
   * @param patch leads to `config` from the generation before; it is sent alone where that generation is known to be in force.
   * Null = there is none
   */
  apply(config: ProxyConfig, ports: readonly BoundPort[], patch: WrittenPatch | null): Promise<ApplyResult> {
    const { promise, resolve } = Promise.withResolvers<ApplyResult>();
    const inStep = patch !== null && patch.base === this.generation && this.#applies.size === 0;
    const waits = !this.#exited && !this.#silent;
    if (waits) this.#applies.set(config.generation, { config, ports, resolve });
    else resolve({ error: '', ports: [] });
    if (inStep && waits) this.post({ type: 'patch', patch });
    else this.#postWhole(config, ports);
    return promise;
  }

  applyEndpoints(changes: readonly EndpointChange[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const sequence = ++this.#sequence;
    if (this.#exited || this.#silent) resolve();
    else this.#endpointApplies.set(sequence, resolve);
    this.post({ type: 'endpoints', sequence, changes });
    return promise;
  }

  /** Null when the thread dies or does not answer in time. */
  collect(rows: RowChoice): Promise<WorkerStats | null> {
    return this.#scrapes.ask((requestId) => this.post({ type: 'stats', requestId, rows }));
  }

  /** What it says goes to `onReleaseFigures`. Settles also when the thread dies or does not answer in time. */
  async askForReleaseFigures(): Promise<void> {
    await this.#figureRequests.ask((requestId) => this.post({ type: 'release-figures', requestId }));
  }

  async drain(deadlineMs: number): Promise<void> {
    if (this.#exited) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDrained = resolve;
    this.post({ type: 'drain', deadlineMs });
    const timer = setTimeout(resolve, deadlineMs + DRAIN_GRACE_MS);
    await promise;
    clearTimeout(timer);
    await this.#worker.terminate();
  }

  /** Ends the thread as a death of its own would; `onExit` follows. */
  kill(reason: string): void {
    this.#error ??= new Error(reason);
    void this.#worker.terminate();
  }

  /** Messages reach the thread in order, so it will do what it was told if it ever goes on. */
  onSilent(): void {
    if (this.generation === 0) return;
    this.#silentPulse = this.pulse;
    this.#letGo();
  }

  onHung(silentMs: number): void {
    this.#options.onHung(silentMs);
  }

  /** Problems are for the control plane alone. */
  #postWhole(config: ProxyConfig, ports: readonly BoundPort[]): void {
    this.post({ type: 'config', config: { ...config, problems: [] }, ports });
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'applied':
        this.#onApplied(message);
        break;
      case 'out-of-step':
        this.#onOutOfStep(message.generation);
        break;
      case 'endpoints-applied':
        this.#endpointApplies.get(message.sequence)?.();
        this.#endpointApplies.delete(message.sequence);
        break;
      case 'stats-rows':
        this.#noteRows(message.requestId, message.rows);
        break;
      case 'stats':
        this.#scrapes.answer(message.requestId, this.#withRows(message.requestId, message.stats));
        break;
      case 'release-figures':
        this.#options.onReleaseFigures(message.rows);
        this.#figureRequests.answer(message.requestId, true);
        break;
      case 'access-log':
        this.#options.onAccessLines(message.lines);
        break;
      case 'ejections':
        this.#options.onEjections(message.changes);
        break;
      case 'log':
        this.#options.logger[message.level](message.message, { worker: this.id, ...message.fields });
        break;
      case 'drained':
        this.#onDrained?.();
        break;
    }
  }

  #onApplied({ generation, error, ports }: Extract<FromWorker, { type: 'applied' }>): void {
    if (error === '') this.generation = generation;
    const pending = this.#applies.get(generation);
    this.#applies.delete(generation);
    if (pending !== undefined) pending.resolve({ error, ports });
    else if (error !== '') this.#options.onLateRefusal(error);
  }

  #noteRows(requestId: number, rows: StatsRows): void {
    this.#scrapes.extend(requestId);
    const known = this.#rows.get(requestId);
    if (known === undefined) this.#rows.set(requestId, [rows]);
    else known.push(rows);
  }

  #withRows(requestId: number, stats: WorkerStats): WorkerStats {
    const parts = this.#rows.get(requestId);
    if (parts === undefined) return stats;
    this.#rows.delete(requestId);
    parts.push(stats);
    return {
      ...stats,
      routes: parts.flatMap(({ routes }) => routes),
      endpoints: parts.flatMap(({ endpoints }) => endpoints),
      upstreams: parts.flatMap(({ upstreams }) => upstreams),
    };
  }

  #onOutOfStep(generation: number): void {
    const pending = this.#applies.get(generation);
    if (pending !== undefined) this.#postWhole(pending.config, pending.ports);
    else this.#options.onLateRefusal('the thread runs another generation than it was told to');
  }

  /** Whoever waits for an answer goes on without one. */
  #letGo(): void {
    for (const { resolve } of this.#applies.values()) resolve({ error: '', ports: [] });
    for (const resolve of this.#endpointApplies.values()) resolve();
    this.#applies.clear();
    this.#endpointApplies.clear();
  }

  #onExit(): void {
    this.#exited = true;
    // Its replacement gets the configuration; a death is no refusal.
    this.#letGo();
    this.#scrapes.close();
    this.#rows.clear();
    this.#figureRequests.close();
    this.#onDrained?.();
    this.#options.onExit(this.#error);
  }
}
