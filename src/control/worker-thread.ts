/** One data-plane thread and the questions that are open with it. Every promise settles, also when the thread dies. */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../log/logger.ts';
import type { EndpointChange, ProxyConfig } from '../model/proxy-config.ts';
import type { BoundPort, FromWorker, ToWorker, WorkerSettings } from '../model/worker-messages.ts';
import type { WorkerStats } from '../model/worker-stats.ts';

export interface WorkerThreadOptions {
  readonly script: URL;
  readonly settings: WorkerSettings;
  readonly logger: Logger;
  readonly onAccessLines: (lines: string) => void;
  /** Once; `error` is what it died of, null when it ended by itself. */
  readonly onExit: (error: Error | null) => void;
}

export interface ApplyResult {
  /** Empty on success, and when the thread died before it could say. */
  readonly error: string;
  readonly ports: readonly BoundPort[];
}

/** A thread that does not answer a scrape in this time is left out of it. */
const STATS_TIMEOUT_MS = 2_000;

export class WorkerThread {
  readonly id: number;
  /** In force; 0 = none yet. */
  generation: number;
  readonly #options: WorkerThreadOptions;
  readonly #worker: Worker;
  readonly #applies: Map<number, (result: ApplyResult) => void>;
  readonly #endpointApplies: Map<number, () => void>;
  readonly #statsRequests: Map<number, (stats: WorkerStats | null) => void>;
  #sequence: number;
  #error: Error | null;
  #exited: boolean;
  #onDrained: (() => void) | null;

  constructor(options: WorkerThreadOptions) {
    this.id = options.settings.workerId;
    this.generation = 0;
    this.#options = options;
    this.#applies = new Map();
    this.#endpointApplies = new Map();
    this.#statsRequests = new Map();
    this.#sequence = 0;
    this.#error = null;
    this.#exited = false;
    this.#onDrained = null;
    this.#worker = new Worker(options.script, { workerData: options.settings, name: `sluice-worker-${this.id}` });
    this.#worker.on('message', (message: FromWorker) => this.#onMessage(message));
    this.#worker.on('error', (error) => {
      this.#error = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', () => this.#onExit());
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  apply(config: ProxyConfig, ports: readonly BoundPort[]): Promise<ApplyResult> {
    const { promise, resolve } = Promise.withResolvers<ApplyResult>();
    if (this.#exited) resolve({ error: '', ports: [] });
    this.#applies.set(config.generation, resolve);
    this.post({ type: 'config', config, ports });
    return promise;
  }

  applyEndpoints(changes: readonly EndpointChange[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#exited) resolve();
    const sequence = ++this.#sequence;
    this.#endpointApplies.set(sequence, resolve);
    this.post({ type: 'endpoints', sequence, changes });
    return promise;
  }

  /** Null when the thread dies or does not answer in time. */
  collect(): Promise<WorkerStats | null> {
    const { promise, resolve } = Promise.withResolvers<WorkerStats | null>();
    const requestId = ++this.#sequence;
    const timer = setTimeout(() => {
      this.#statsRequests.delete(requestId);
      resolve(null);
    }, STATS_TIMEOUT_MS);
    this.#statsRequests.set(requestId, (stats) => {
      clearTimeout(timer);
      resolve(stats);
    });
    this.post({ type: 'stats', requestId });
    return promise;
  }

  async drain(deadlineMs: number): Promise<void> {
    if (this.#exited) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDrained = resolve;
    this.post({ type: 'drain', deadlineMs });
    await promise;
    await this.#worker.terminate();
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'applied':
        if (message.error === '') this.generation = message.generation;
        this.#applies.get(message.generation)?.({ error: message.error, ports: message.ports });
        this.#applies.delete(message.generation);
        break;
      case 'endpoints-applied':
        this.#endpointApplies.get(message.sequence)?.();
        this.#endpointApplies.delete(message.sequence);
        break;
      case 'stats':
        this.#statsRequests.get(message.requestId)?.(message.stats);
        this.#statsRequests.delete(message.requestId);
        break;
      case 'access-log':
        this.#options.onAccessLines(message.lines);
        break;
      case 'log':
        this.#options.logger[message.level](message.message, { worker: this.id, ...message.fields });
        break;
      case 'drained':
        this.#onDrained?.();
        break;
    }
  }

  #onExit(): void {
    this.#exited = true;
    // Its replacement gets the configuration; a death is no refusal.
    for (const resolve of this.#applies.values()) resolve({ error: '', ports: [] });
    for (const resolve of this.#endpointApplies.values()) resolve();
    for (const resolve of this.#statsRequests.values()) resolve(null);
    this.#applies.clear();
    this.#endpointApplies.clear();
    this.#statsRequests.clear();
    this.#onDrained?.();
    this.#options.onExit(this.#error);
  }
}
