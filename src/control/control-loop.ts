/**
 * Drives the cold path: newest snapshot → compile → apply → report, one at a time. Snapshots that arrive meanwhile replace
 * each other, so a storm costs one compile. Endpoint changes take the short road past the compiler.
 */
import { compile } from '../config/compile.ts';
import { compileEndpoints, withEndpoints } from '../config/compile-endpoints.ts';
import { CompileMemory } from '../config/compile-memory.ts';
import type { Logger } from '../log/logger.ts';
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';
import type { EndpointChange, ProxyConfig } from '../model/proxy-config.ts';
import type { SnapshotListener } from '../watch/source.ts';
import type { ProblemReporter } from './problem-reporter.ts';

export interface ControlLoopOptions {
  readonly settings: CompileSettings;
  readonly logger: Logger;
  readonly problems: ProblemReporter;
  /** Puts a whole configuration into force; empty text on success. */
  readonly apply: (config: ProxyConfig) => Promise<string>;
  readonly applyEndpoints: (changes: readonly EndpointChange[], running: ProxyConfig) => Promise<void>;
  /** After each successful apply, the first one included; `snapshot` is what `config` was made of. */
  readonly onApplied: (config: ProxyConfig, snapshot: ObjectSnapshot) => void;
  /** The source holds something that cannot be used, and nothing has been served yet. */
  readonly onUnusable: () => void;
  /** The very first configuration could not be put into force: a port is taken, say. */
  readonly onFirstApplyFailed: () => void;
}

export class ControlLoop implements SnapshotListener {
  readonly #options: ControlLoopOptions;
  readonly #memory: CompileMemory;
  #running: ProxyConfig | null;
  /** What `#running` shows. */
  #shown: ObjectSnapshot | null;
  #next: ObjectSnapshot | null;
  /** A snapshot with more than endpoint changes was replaced before it was compiled. */
  #fullCompileDue: boolean;
  #busy: boolean;
  /** Configurations and endpoint changes put into force. */
  applied: number;
  /** False while the newest configuration could not be compiled or applied. */
  lastApplySucceeded: boolean;
  /** Configurations that could not be compiled or applied. */
  failures: number;
  /** Snapshots or edits a source refused. */
  rejectedEdits: number;
  /** Milliseconds since 1970; 0 = never. */
  lastAppliedAt: number;

  constructor(options: ControlLoopOptions) {
    this.#options = options;
    this.#memory = new CompileMemory(options.settings);
    this.#running = null;
    this.#shown = null;
    this.#next = null;
    this.#fullCompileDue = true;
    this.#busy = false;
    this.applied = 0;
    this.lastApplySucceeded = true;
    this.failures = 0;
    this.rejectedEdits = 0;
    this.lastAppliedAt = 0;
  }

  /** What is in force, endpoint changes folded in; null before the first apply. */
  get running(): ProxyConfig | null {
    return this.#running;
  }

  onSnapshot(snapshot: ObjectSnapshot): void {
    this.#fullCompileDue ||= !snapshot.endpointsOnly;
    this.#next = snapshot;
    if (!this.#busy) void this.#work();
  }

  onInvalid(problems: readonly Problem[]): void {
    this.rejectedEdits++;
    this.lastApplySucceeded = false;
    this.#options.problems.reportEdit(problems, this.#running !== null);
    if (this.#running === null && this.#next === null && !this.#busy) this.#options.onUnusable();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#next !== null) {
      const snapshot = this.#next;
      const full = this.#fullCompileDue || this.#running === null;
      this.#next = null;
      this.#fullCompileDue = false;
      try {
        if (full) await this.#applyFull(snapshot);
        else await this.#applyEndpoints(snapshot, this.#running as ProxyConfig);
      } catch (error) {
        // A throw here is a fault of ours: what runs stays, and the next snapshot is compiled from scratch.
        this.#options.logger.error('configuration could not be applied', { revision: snapshot.revision, error });
        this.#noteFailure();
      }
    }
    this.#busy = false;
  }

  async #applyFull(snapshot: ObjectSnapshot): Promise<void> {
    const config = compile(snapshot, this.#options.settings, this.#memory);
    const error = await this.#options.apply(config);
    if (error !== '') {
      this.#options.logger.error('configuration could not be applied', { generation: config.generation, error });
      this.#noteFailure();
      return;
    }
    this.#adopt(config, snapshot);
    this.#options.problems.report(config.problems);
    this.#options.logger.info('configuration applied', {
      generation: config.generation,
      routes: config.routes.length,
      upstreams: config.upstreams.length,
      certificates: config.certificates.length,
      problems: config.problems.length,
    });
  }

  async #applyEndpoints(snapshot: ObjectSnapshot, running: ProxyConfig): Promise<void> {
    const changes = compileEndpoints(snapshot, running, this.#memory, this.#shown);
    if (changes.length === 0) return;
    const next = withEndpoints(running, changes);
    await this.#options.applyEndpoints(changes, next);
    this.#adopt(next, snapshot);
    this.#options.logger.debug('endpoints applied', { upstreams: changes.map(({ upstreamId }) => upstreamId) });
  }

  #noteFailure(): void {
    this.failures++;
    this.lastApplySucceeded = false;
    this.#fullCompileDue = true;
    if (this.#running === null) this.#options.onFirstApplyFailed();
  }

  #adopt(config: ProxyConfig, snapshot: ObjectSnapshot): void {
    this.#running = config;
    this.#shown = snapshot;
    this.applied++;
    this.lastApplySucceeded = true;
    this.lastAppliedAt = Date.now();
    this.#options.onApplied(config, snapshot);
  }
}
