/** A directory for the files of a run, gone when the run is over, however it ends. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files that an upstream serves, and what proxies put into temporary ones, must not touch a disk. */
const MEMORY_DIRECTORY = '/dev/shm';

export function makeScratchDirectory(): string {
  const parent = existsSync(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : tmpdir();
  const directory = mkdtempSync(join(parent, 'sluice-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  // A signal ends a process without an exit event otherwise, and then the programs it has started would go on as well.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return directory;
}
