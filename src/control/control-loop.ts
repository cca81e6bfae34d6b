/**
 * Drives the cold path: newest snapshot → compile → apply → report, one at a time. Snapshots that arrive meanwhile replace
 * each other, so a storm costs one compile. Endpoint changes take the short road past the compiler.
 */
import { Compiler } from '../config/compiler.ts';
import type { Logger } from '../log/logger.ts';
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ConfigChanges } from '../model/config-changes.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';
import type { EndpointChange, ProxyConfig, UpstreamId } from '../model/proxy-config.ts';
import type { SnapshotListener } from '../watch/source.ts';
import type { ProblemReporter } from './problem-reporter.ts';

/** What has just come into force. */
export interface Applied {
  readonly config: ProxyConfig;
  /** What `config` was made of. */
  readonly snapshot: ObjectSnapshot;
  /** All others are those of the configuration before; null = any may differ. */
  readonly upstreams: ReadonlySet<UpstreamId> | null;
  /** Where the routes differ from those before; null = anywhere, or nowhere, where they are the same list. */
  readonly changes: ConfigChanges | null;
}

export interface ControlLoopOptions {
  readonly settings: CompileSettings;
  readonly logger: Logger;
  readonly problems: ProblemReporter;
  /**
   * Puts a whole configuration into force; empty text on success. `changes` is what differs from `changes.base`, null where
   * that is not known.
   */
  readonly apply: (config: ProxyConfig, changes: ConfigChanges | null) => Promise<string>;
  readonly applyEndpoints: (changes: readonly EndpointChange[], running: ProxyConfig) => Promise<void>;
  /** After each successful apply, the first one included. */
  readonly onApplied: (applied: Applied) => void;
  /** The source holds something that cannot be used, and nothing has been served yet. */
  readonly onUnusable: () => void;
  /** The very first configuration could not be put into force: a port is taken, say. */
  readonly onFirstApplyFailed: () => void;
}

export class ControlLoop implements SnapshotListener {
  readonly #options: ControlLoopOptions;
  readonly #compiler: Compiler;
  #running: ProxyConfig | null;
  #next: ObjectSnapshot | null;
  /** A snapshot with more than endpoint changes was replaced before it was compiled. */
  #fullCompileDue: boolean;
  #busy: boolean;
  /** The newest that the source has is an edit that was refused. */
  #editRefused: boolean;
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
    this.#compiler = new Compiler(options.settings);
    this.#running = null;
    this.#next = null;
    this.#fullCompileDue = true;
    this.#busy = false;
    this.#editRefused = false;
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
    if (snapshot.isRepeated !== true) this.#editRefused = false;
    this.#next = snapshot;
    if (!this.#busy) void this.#work();
  }

  onInvalid(problems: readonly Problem[]): void {
    this.rejectedEdits++;
    this.#editRefused = true;
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
        else await this.#applyEndpoints(snapshot);
      } catch (error) {
        // A throw here is a fault of ours: what runs stays, and the next snapshot is compiled from scratch.
        this.#options.logger.error('configuration could not be applied', { revision: snapshot.revision, error });
        this.#compiler.forget();
        this.#noteFailure();
      }
    }
    this.#busy = false;
  }

  async #applyFull(snapshot: ObjectSnapshot): Promise<void> {
    const { config, changes } = this.#compiler.compile(snapshot);
    // After a configuration that was refused, there is more that differs from the one in force.
    const known = changes?.base === this.#running ? changes : null;
    const error = await this.#options.apply(config, known);
    if (error !== '') {
      this.#options.logger.error('configuration could not be applied', { generation: config.generation, error });
      this.#noteFailure();
      return;
    }
    this.#adopt({
      config,
      snapshot,
      upstreams: known === null ? null : new Set(known.upstreams.keys()),
      changes: known,
    });
    this.#options.problems.report(config.problems);
    this.#options.logger.info('configuration applied', {
      generation: config.generation,
      routes: config.routes.length,
      upstreams: config.upstreams.length,
      certificates: config.certificates.length,
      problems: config.problems.length,
    });
  }

  async #applyEndpoints(snapshot: ObjectSnapshot): Promise<void> {
    const { config, changes } = this.#compiler.compileEndpoints(snapshot);
    if (changes.length === 0) return;
    await this.#options.applyEndpoints(changes, config);
    const upstreams = new Set(changes.map(({ upstreamId }) => upstreamId));
    this.#adopt({ config, snapshot, upstreams, changes: null });
    this.#options.logger.debug('endpoints applied', { upstreams: [...upstreams] });
  }

  #noteFailure(): void {
    this.failures++;
    this.lastApplySucceeded = false;
    this.#fullCompileDue = true;
    if (this.#running === null) this.#options.onFirstApplyFailed();
  }

  #adopt(applied: Applied): void {
    this.#running = applied.config;
    this.applied++;
    this.lastApplySucceeded = !this.#editRefused;
    this.lastAppliedAt = Date.now();
    this.#options.onApplied(applied);
  }
}
