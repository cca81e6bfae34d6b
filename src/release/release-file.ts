/**
 * Keeps the states of releases in a file, where there is no cluster to keep them in. What cannot be kept is not done, so a
 * restart goes on where the last process was. A file that makes no sense is put aside, and its releases begin anew.
 */
import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '../log/logger.ts';
import type { ReleaseState } from '../model/release.ts';
import { formatReleaseState, parseReleaseState } from '../model/release-state.ts';
import type { ReleaseStore } from './release-loop.ts';

type States = ReadonlyMap<string, ReleaseState>;

const FORMAT = 'sluice releases';
const VERSION = 1;
const MAX_RELEASES = 4_096;
const MAX_ID_LENGTH = 1_024;
const MAX_BYTES = 16 * 1_024 * 1_024;
/** Of a file that is being written: the name of the other one, and this. */
const TEMPORARY = /^\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

export class ReleaseFile implements ReleaseStore {
  readonly #path: string;
  /** Why nothing may be written there; empty = it may. */
  readonly #fault: string;
  #states: States;
  /** Writes go one after the other. */
  #last: Promise<unknown>;

  constructor(path: string, states: States, fault = '') {
    this.#path = path;
    this.#fault = fault;
    this.#states = states;
    this.#last = Promise.resolve();
  }

  /** What an earlier process left; a file that cannot be used is put aside, with one line in the log. */
  static async open(path: string, logger: Logger): Promise<ReleaseFile> {
    await removeHalfWritten(path);
    try {
      return new ReleaseFile(path, await readStates(path));
    } catch (error) {
      if (error instanceof NoFileError) {
        const consequence = 'releases begin anew, and take no steps';
        logger.error('state of releases refused', { file: path, reason: error.message, consequence });
        return new ReleaseFile(path, new Map(), `${path}: ${error.message}`);
      }
      const keptAs = `${path}.refused`;
      const moved = await rename(path, keptAs).then(
        () => true,
        () => false,
      );
      const consequence = 'releases begin anew';
      logger.error('state of releases refused', { file: path, reason: messageOf(error), consequence, moved, keptAs });
      return new ReleaseFile(path, new Map());
    }
  }

  get states(): States {
    return this.#states;
  }

  decides(): boolean {
    return true;
  }

  /** Gone from the source: a release of that name begins anew. Takes effect in the file with the next write. */
  forget(id: string): void {
    this.#states = new Map([...this.#states].filter(([known]) => known !== id));
  }

  store(id: string, state: ReleaseState): Promise<string> {
    const stored = this.#last.then(() => this.#write(id, state));
    this.#last = stored;
    return stored;
  }

  async #write(id: string, state: ReleaseState): Promise<string> {
    const next = new Map([...this.#states, [id, state]]);
    if (next.size > MAX_RELEASES) return `${this.#path} holds ${MAX_RELEASES} releases, which is the most`;
    const fault = this.#fault || (await replaceFile(this.#path, format(next)));
    if (fault !== '') return `${fault}; name a file that can be written with --release-state`;
    this.#states = new Map([...this.#states, [id, state]]);
    return '';
  }
}

/** What stands there is something that must neither be moved away nor replaced. */
class NoFileError extends Error {}

/** States live as long as the process. */
export const MEMORY_STORE: ReleaseStore = { decides: () => true, store: () => Promise.resolve('') };

function format(states: States): string {
  const releases = Array.from(states, ([id, state]) => [id, JSON.parse(formatReleaseState(state))] as const);
  return `${JSON.stringify({ format: FORMAT, version: VERSION, releases: Object.fromEntries(releases) }, null, 2)}\n`;
}

async function readStates(path: string): Promise<States> {
  const stats = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (stats === null) return new Map();
  if (!stats.isFile()) throw new NoFileError('it is a directory or device, not a file');
  const { size } = stats;
  if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_BYTES} are read`);
  return parseStates(await readFile(path, 'utf8'));
}

function parseStates(text: string): States {
  const { format: kind, version, releases } = asRecord(parseJson(text));
  if (kind !== FORMAT) throw new Error('it is none of sluice');
  if (version !== VERSION)
    throw new Error(`it has version ${String(version).slice(0, 40)}, this release reads ${VERSION}`);
  const entries = Object.entries(asRecord(releases));
  if (entries.length > MAX_RELEASES) throw new Error(`it holds more than ${MAX_RELEASES} releases`);
  return new Map(
    entries.map(([id, value]) => {
      const parsed = parseReleaseState(JSON.stringify(value));
      if (id.length > MAX_ID_LENGTH) throw new Error(`it holds a name of more than ${MAX_ID_LENGTH} characters`);
      if ('problem' in parsed) throw new Error(`the state of ${JSON.stringify(id)} is damaged: ${parsed.problem}`);
      return [id, parsed.value] as const;
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not json');
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is damaged');
  return value as Readonly<Record<string, unknown>>;
}

/** Readers, and a machine that loses its power, see the old file or the new one. @returns why it could not be, or nothing */
async function replaceFile(path: string, text: string): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return '';
  } catch (error) {
    await unlink(temporary).catch(() => {});
    // The message would name the temporary file, another one each time.
    const code = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
    return `${path} cannot be written (${code})`;
  }
}

/**
 * Takes away what processes left that were killed while they wrote. One that is about to be replaced by this one may write just
 * now: it then finds that its file is gone, and writes again.
 */
async function removeHalfWritten(path: string): Promise<void> {
  const directory = dirname(path);
  const name = basename(path);
  // A directory that cannot be read is told of when something is to be written there.
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.name.startsWith(name) || !TEMPORARY.test(entry.name.slice(name.length))) continue;
    // Links are not ours, wherever they lead.
    if (entry.isFile()) await unlink(join(directory, entry.name)).catch(() => {});
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
