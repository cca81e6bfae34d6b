/**
 * Says that something may have changed under a set of paths; what changed is for the caller to read again. Events of the
 * file system make it quick, and comparing `stat` results now and then makes it sure where there are no events (network
 * and overlay file systems, exhausted inotify watches).
 */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Logger } from '../log/logger.ts';
import { type Clock, systemClock } from './clock.ts';
import { findWatchPoints, type WatchPoints } from './watch-points.ts';

export interface FileWatcherOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Off in tests of the comparison by `stat`. */
  readonly useEvents?: boolean;
}

/** An editor or a deployment touches several files in a row: wait until it is quiet … */
const QUIET_MS = 50;
/** … but not for ever. */
const MAX_DELAY_MS = 300;
const POLL_MS = 2_000;
/** Beyond so many paths the comparison is made less often, in proportion. */
const PATHS_PER_POLL = 2_000;

export class FileWatcher {
  readonly #onChange: () => void;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #useEvents: boolean;
  readonly #directories = new Map<string, WatchedDirectory>();
  #paths: readonly string[] = [];
  #signature = '';
  #cancelPoll: () => void = () => {};
  #cancelChange: () => void = () => {};
  /** When the first event of a burst came; -1 = no burst. */
  #burstStartMs = -1;
  #warned = false;
  #closed = false;

  constructor(onChange: () => void, options: FileWatcherOptions) {
    this.#onChange = onChange;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#useEvents = options.useEvents ?? true;
  }

  /**
   * Watches exactly `paths` (files and directories, existing or not) from now on. Whatever is read after this has
   * resolved cannot change unnoticed. One call at a time.
   */
  async watch(paths: Iterable<string>): Promise<void> {
    this.#cancelPoll();
    this.#paths = [...paths];
    if (this.#useEvents) await this.#listen(await findWatchPoints(this.#paths));
    this.#signature = await this.#readSignature();
    if (!this.#closed) this.#schedulePoll();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll();
    this.#cancelChange();
    for (const directory of this.#directories.values()) directory.close();
    this.#directories.clear();
  }

  async #listen(points: WatchPoints): Promise<void> {
    for (const [path, names] of points) {
      const stats = await stat(path, { bigint: true }).catch(() => null);
      if (this.#closed) return;
      const identity = stats === null ? '' : `${stats.dev}:${stats.ino}`;
      const known = this.#directories.get(path);
      if (known !== undefined && known.identity === identity && !known.stale) {
        known.names = names;
      } else {
        known?.close();
        this.#directories.set(path, this.#open(path, identity, names));
      }
    }
    for (const [path, directory] of this.#directories) {
      if (points.has(path)) continue;
      directory.close();
      this.#directories.delete(path);
    }
  }

  #open(path: string, identity: string, names: ReadonlySet<string> | null): WatchedDirectory {
    const directory = new WatchedDirectory(path, identity, names);
    try {
      directory.open(() => this.#noteEvent());
    } catch (error) {
      directory.stale = true;
      this.#warnOnce(path, error);
    }
    return directory;
  }

  #warnOnce(path: string, error: unknown): void {
    // Gone between looking and opening: the next look finds what took its place.
    const gone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (gone || this.#warned) return;
    this.#warned = true;
    this.#logger.warn('file events unavailable, comparing files instead', { path, error, intervalMs: POLL_MS });
  }

  #noteEvent(): void {
    if (this.#closed) return;
    const nowMs = this.#clock.nowMs();
    if (this.#burstStartMs < 0) this.#burstStartMs = nowMs;
    this.#cancelChange();
    const delayMs = Math.min(QUIET_MS, this.#burstStartMs + MAX_DELAY_MS - nowMs);
    this.#cancelChange = this.#clock.schedule(delayMs, () => {
      this.#burstStartMs = -1;
      this.#onChange();
    });
  }

  #schedulePoll(): void {
    const delayMs = POLL_MS * Math.ceil((this.#paths.length + 1) / PATHS_PER_POLL);
    this.#cancelPoll = this.#clock.schedule(delayMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const paths = this.#paths;
    const signature = await this.#readSignature();
    // `watch` was called meanwhile: it has taken its own signature and planned its own poll.
    if (this.#closed || this.#paths !== paths) return;
    if (signature !== this.#signature) this.#noteEvent();
    this.#signature = signature;
    this.#schedulePoll();
  }

  async #readSignature(): Promise<string> {
    const parts: string[] = [];
    for (const path of this.#paths) {
      const stats = await stat(path, { bigint: true }).catch(() => null);
      parts.push(stats === null ? '-' : `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`);
    }
    return parts.join('\n');
  }
}

/** One directory under watch. */
class WatchedDirectory {
  readonly identity: string;
  /** Entries that matter; null = all. */
  names: ReadonlySet<string> | null;
  /** No longer watches what stands at its path: to be opened anew. */
  stale = false;
  readonly #path: string;
  #watcher: FSWatcher | null = null;

  constructor(path: string, identity: string, names: ReadonlySet<string> | null) {
    this.#path = path;
    this.identity = identity;
    this.names = names;
  }

  /** Throws where there is nothing to watch, or no watch left. */
  open(onEvent: () => void): void {
    const self = basename(this.#path);
    this.#watcher = watch(this.#path, { persistent: false }, (_type, name) => {
      // Moved or deleted itself; an inode number may be used again, so identity alone would not show it.
      if (name === self || name === null) this.stale = true;
      if (name === null || name === self || this.names === null || this.names.has(name)) onEvent();
    });
    this.#watcher.on('error', () => {
      this.stale = true;
      onEvent();
    });
  }

  close(): void {
    this.#watcher?.close();
  }
}
