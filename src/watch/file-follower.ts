/**
 * Reads something that stands in files, and reads it again whenever it may have changed: the loop that the static and the
 * manifest source share. Level-based: an event only says "look again", so none can be misread, and a burst costs one reading.
 */
import { FileWatcher, type FileWatcherOptions } from './file-watcher.ts';

export interface FileReading {
  /** Everything the reading depends on: files, directories listed, and what was looked for in vain. */
  readonly paths: readonly string[];
}

export interface FileFollowerOptions<T extends FileReading> extends FileWatcherOptions {
  /** What to watch before anything is known. */
  readonly root: string;
  /** Must not reject. */
  readonly read: () => Promise<T>;
  /** Gets each reading that was watched from before it began. */
  readonly use: (reading: T) => void;
  readonly signal: AbortSignal;
}

/** A tree that grows with each look is read as it is after so many; its next event brings the rest. */
const MAX_ROUNDS = 5;

export class FileFollower<T extends FileReading> {
  readonly #options: FileFollowerOptions<T>;
  readonly #watcher: FileWatcher;
  #watched: ReadonlySet<string> = new Set();
  #running = false;
  #again = false;

  constructor(options: FileFollowerOptions<T>) {
    this.#options = options;
    this.#watcher = new FileWatcher(() => void this.#read(), options);
  }

  /** Resolves when the signal has aborted. */
  async run(): Promise<void> {
    const { signal, root } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (!signal.aborted) {
      this.#watched = new Set([root]);
      await this.#read();
      await promise;
    }
    this.#watcher.close();
  }

  async #read(): Promise<void> {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    const { signal, logger, use } = this.#options;
    try {
      while (this.#again && !signal.aborted) {
        this.#again = false;
        const reading = await this.#readWatched();
        if (!signal.aborted) use(reading);
      }
    } catch (error) {
      logger.error('reading configuration files failed', { root: this.#options.root, error });
    } finally {
      this.#running = false;
    }
  }

  /** Reads until nothing was read that was not under watch before. */
  async #readWatched(): Promise<T> {
    for (let round = 1; ; round++) {
      await this.#watcher.watch(this.#watched);
      const reading = await this.#options.read();
      const paths = new Set(reading.paths);
      const settled = paths.isSubsetOf(this.#watched);
      this.#watched = paths;
      if (settled || round === MAX_ROUNDS || this.#options.signal.aborted) {
        if (!settled) await this.#watcher.watch(paths);
        return reading;
      }
    }
  }
}
