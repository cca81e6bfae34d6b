/**
 * Finds the directories whose entries decide what a path leads to. Changes are watched on directories, never on files: a
 * file is replaced by renaming, and a mounted ConfigMap by swapping a symbolic link two levels above it.
 */
import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';

/** Directory (without symbolic links in its path) → the entries that matter; null = all. */
export type WatchPoints = ReadonlyMap<string, ReadonlySet<string> | null>;

/** As Linux has it. */
const MAX_LINKS = 40;

export async function findWatchPoints(paths: Iterable<string>): Promise<WatchPoints> {
  const tracer = new PathTracer();
  for (const path of paths) await tracer.trace(path);
  return tracer.points;
}

class PathTracer {
  readonly points = new Map<string, Set<string> | null>();
  /** Paths share most of their directories. */
  readonly #known = new Map<string, Stats | null>();

  /** Follows `path` component by component and notes each place where an entry may change its meaning. */
  async trace(path: string): Promise<void> {
    const absolute = resolve(path);
    let directory = parse(absolute).root;
    let pending = absolute.slice(directory.length).split(sep);
    let links = 0;
    while (pending.length > 0) {
      const [name = '', ...rest] = pending;
      pending = rest;
      if (name === '' || name === '.') continue;
      const entry = join(directory, name);
      if (name === '..') {
        directory = dirname(directory);
        continue;
      }
      const stats = await this.#lstat(entry);
      if (stats?.isSymbolicLink() === true) {
        this.#note(directory, name);
        const target = await readlink(entry).catch(() => '');
        if (target === '' || ++links > MAX_LINKS) return;
        if (isAbsolute(target)) directory = parse(target).root;
        pending = [...target.split(sep), ...pending];
        continue;
      }
      // The end of the path, or as far as it exists: the rest can only come to be here.
      if (stats === null || pending.length === 0) this.#note(directory, name);
      if (stats === null) return;
      if (pending.length === 0 && stats.isDirectory()) this.points.set(entry, null);
      directory = entry;
    }
  }

  #note(directory: string, name: string): void {
    const names = this.points.get(directory);
    if (names === undefined) this.points.set(directory, new Set([name]));
    else names?.add(name);
  }

  async #lstat(path: string): Promise<Stats | null> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const stats = await lstat(path).catch(() => null);
    this.#known.set(path, stats);
    return stats;
  }
}
