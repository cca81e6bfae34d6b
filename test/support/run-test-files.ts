/**
 * Runs test files in processes of their own, several at once, in the order given. What was compiled for one process is kept
 * for the next: hundreds of them load the same sources, and so do the programs they start.
 */
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface TestRun {
  readonly files: readonly string[];
  /** Processes at once. */
  readonly concurrency: number;
  /** Of a single test, or a suite. */
  readonly timeoutMs: number;
  /** Of Node, for each file. */
  readonly execArgv?: readonly string[];
}

/** The process fails if a test does, and when it is told to end, so are the files. */
export function runTestFiles({ files, concurrency, timeoutMs: timeout, execArgv = [] }: TestRun): void {
  // Found in the environment by programs that the tests start, too.
  process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());
  run({ files: [...files], concurrency, timeout, execArgv: [...execArgv], signal: ended.signal })
    .on('test:summary', ({ success }) => {
      if (!success) process.exitCode = 1;
    })
    .compose(spec)
    .pipe(process.stdout);
}
