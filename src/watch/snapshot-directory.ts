/** Makes sure that the directory of a snapshot is ours alone, because certificates with their keys will stand in it. */
import { type Stats } from 'node:fs';
import { lstat, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SNAPSHOT_FILE, TEMPORARY_SUFFIX } from './snapshot-file.ts';
import { describeFileError } from './text-file.ts';

/** One that is not that old may belong to a process that hands over to us. */
const STALE_TEMPORARY_MS = 600_000;

/**
 * Creates it with mode 0700 where it is missing, and takes away what a killed process left half-written.
 * Throws with a message for the user when it cannot be used, or when others could put a snapshot there.
 * @param nowMs milliseconds since 1970
 */
export async function prepareSnapshotDirectory(directory: string, nowMs: number): Promise<void> {
  let stats: Stats;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    stats = await stat(directory);
  } catch (error) {
    throw new Error(`it ${describeDirectoryError(error)}`, { cause: error });
  }
  if (!stats.isDirectory()) throw new Error('it is not a directory');
  assertOurs(stats, process.geteuid?.() ?? stats.uid);
  await removeStale(directory, nowMs);
}

function assertOurs({ uid, mode }: Stats, user: number): void {
  if (uid !== user && uid !== 0) {
    throw new Error(
      `it belongs to user ${uid}, and this process runs as user ${user}: whoever owns it could replace it`,
    );
  }
  if ((mode & 0o022) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    throw new Error(
      `others may write to it (mode ${octal}): name a directory inside it, which will be created with mode 0700, or change its mode to 0700`,
    );
  }
}

/** Puts a file that must not be served beside the place where the next one will be written. The one refused before goes. */
export async function setAside(directory: string): Promise<string> {
  const aside = join(directory, `${SNAPSHOT_FILE}.refused`);
  await rename(join(directory, SNAPSHOT_FILE), aside);
  return aside;
}

async function removeStale(directory: string, nowMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`${SNAPSHOT_FILE}.`) || !name.endsWith(TEMPORARY_SUFFIX)) continue;
    const path = join(directory, name);
    const { mtimeMs } = await lstat(path);
    if (nowMs - mtimeMs > STALE_TEMPORARY_MS) await unlink(path);
  }
}

function describeDirectoryError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'EEXIST') return 'is not a directory';
  if (code === 'EROFS') return 'is on a file system that is read only';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be created by this user';
  return describeFileError(error);
}
