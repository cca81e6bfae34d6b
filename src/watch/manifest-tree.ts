/** Lists the manifest files below a path, following symbolic links: mounted ConfigMaps consist of little else. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFileError } from './text-file.ts';

export interface ManifestTree {
  /** Sorted: the order in which the first of two objects of one name wins. */
  readonly files: readonly string[];
  readonly directories: readonly string[];
  readonly faults: readonly TreeFault[];
}

export interface TreeFault {
  readonly path: string;
  readonly message: string;
}

const EXTENSION = /\.(?:ya?ml|json)$/;
const MAX_FILES = 10_000;
const MAX_DEPTH = 16;

/** A single file is taken whatever its name. A fault: there is nothing at `root`, or it may not be read. */
export async function listManifests(root: string): Promise<ManifestTree | TreeFault> {
  try {
    const stats = await stat(root);
    if (!stats.isDirectory()) return { files: [root], directories: [], faults: [] };
    await readdir(root);
  } catch (error) {
    return { path: root, message: describeFileError(error) };
  }
  const walk = new TreeWalk();
  await walk.enter(root, 0);
  return { files: walk.files.toSorted(), directories: walk.directories, faults: walk.faults };
}

class TreeWalk {
  readonly files: string[] = [];
  readonly directories: string[] = [];
  readonly faults: TreeFault[] = [];
  /** Real paths: links may lead in circles. */
  readonly #entered = new Set<string>();
  #full = false;

  async enter(directory: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) {
      this.faults.push({ path: directory, message: `is more than ${MAX_DEPTH} directories deep and is ignored` });
      return;
    }
    const entries = await this.#list(directory);
    this.directories.push(directory);
    for (const entry of entries) {
      // `..data` and its kind belong to the mount; what they hold is linked beside them.
      if (entry.name.startsWith('.')) continue;
      const path = join(directory, entry.name);
      const kind = await kindOf(entry, path);
      if (kind === 'directory') await this.enter(path, depth + 1);
      if (kind === 'file' && EXTENSION.test(entry.name)) this.#add(path);
    }
  }

  async #list(directory: string): Promise<readonly Dirent[]> {
    try {
      const real = await realpath(directory);
      if (this.#entered.has(real)) return [];
      this.#entered.add(real);
      return await readdir(directory, { withFileTypes: true });
    } catch (error) {
      this.faults.push({ path: directory, message: describeFileError(error) });
      return [];
    }
  }

  #add(path: string): void {
    if (this.files.length < MAX_FILES) {
      this.files.push(path);
      return;
    }
    if (!this.#full)
      this.faults.push({ path, message: `and all after it are ignored: there are more than ${MAX_FILES}` });
    this.#full = true;
  }
}

async function kindOf(entry: Dirent, path: string): Promise<'file' | 'directory' | 'other'> {
  const stats = entry.isSymbolicLink() ? await stat(path).catch(() => null) : entry;
  if (stats === null) return 'other';
  if (stats.isDirectory()) return 'directory';
  return stats.isFile() ? 'file' : 'other';
}
