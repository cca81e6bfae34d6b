/**
 * The static configuration file as a source: emits a snapshot for each valid state of the file and of the certificates it
 * names. An invalid edit is reported and changes nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../log/logger.ts';
import type { FileLocation, ObjectRef } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';
import type { StaticConfig } from '../model/static-config.ts';
import type { Clock } from './clock.ts';
import { FileFollower, type FileReading } from './file-follower.ts';
import type { ConfigSource, SnapshotListener } from './source.ts';
import { narrowStaticConfig, type StaticNarrowed } from './static-narrow.ts';
import { staticRef } from './static-problems.ts';
import { readTextFile } from './text-file.ts';
import type { YamlDocument } from './yaml-document.ts';

export interface StaticSourceOptions {
  readonly clock?: Clock;
  /** False: find changes by comparing only. */
  readonly useEvents?: boolean;
  /** Milliseconds since 1970. */
  readonly nowAt?: () => number;
}

interface StaticReading extends FileReading, Omit<StaticNarrowed, 'paths'> {}

const MAX_FILE_BYTES = 33_554_432;

export class StaticSource implements ConfigSource {
  readonly name = 'static';
  readonly #file: string;
  readonly #logger: Logger;
  readonly #options: StaticSourceOptions;
  #document: YamlDocument | null = null;
  #lastConfig: StaticConfig | null = null;
  #lastProblems: readonly Problem[] = [];
  #revision = 0;

  constructor(file: string, logger: Logger, options: StaticSourceOptions = {}) {
    this.#file = file;
    this.#logger = logger;
    this.#options = options;
  }

  async start(listener: SnapshotListener, signal: AbortSignal, options?: { readonly once: boolean }): Promise<void> {
    if (options?.once === true) {
      this.#emit(await this.#read(), listener);
      return;
    }
    const follower = new FileFollower<StaticReading>({
      ...this.#options,
      logger: this.#logger,
      root: this.#file,
      read: () => this.#read(),
      use: (reading) => this.#emit(reading, listener),
      signal,
    });
    await follower.run();
  }

  locate(source: ObjectRef, field: string): FileLocation | null {
    if (source.kind !== 'StaticConfig') return null;
    return this.#document?.locate(field) ?? { file: this.#file, line: 1, column: 1 };
  }

  async #read(): Promise<StaticReading> {
    const { nowAt = Date.now } = this.#options;
    const content = await readTextFile(this.#file, MAX_FILE_BYTES);
    if ('error' in content) {
      const location = { file: this.#file, line: 1, column: 1 };
      const problem: Problem = {
        code: 'file-unreadable',
        severity: 'rejected',
        source: staticRef(this.#file),
        field: '',
        message: `${this.#file} ${content.error}`,
        location,
      };
      return { config: null, problems: [problem], paths: [this.#file], document: null };
    }
    const narrowed = await narrowStaticConfig(content.text, { file: this.#file, nowAt: nowAt() });
    return { ...narrowed, paths: [this.#file, ...narrowed.paths] };
  }

  #emit({ config, problems, document }: StaticReading, listener: SnapshotListener): void {
    const sameProblems = isDeepStrictEqual(problems, this.#lastProblems);
    this.#lastProblems = problems;
    if (config === null) {
      // A file that stays broken is touched again: said once is enough.
      if (!sameProblems) listener.onInvalid(problems);
      return;
    }
    this.#document = document;
    if (sameProblems && isDeepStrictEqual(config, this.#lastConfig)) return;
    this.#lastConfig = config;
    this.#revision++;
    listener.onSnapshot({
      revision: this.#revision,
      ingresses: new Map(),
      ingressClasses: null,
      services: new Map(),
      endpointSlices: new Map(),
      tlsSecrets: new Map(),
      staticConfig: config,
      problems,
      endpointsOnly: false,
    });
  }
}
