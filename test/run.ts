/**
 * Runs all tests that need no cluster, or the files named, on all processors. Files of `wire/` come first, because theirs are
 * the longest: one that began last would run on alone.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { runTestFiles } from './support/run-test-files.ts';

const TESTS = import.meta.dirname;

function allFiles(): readonly string[] {
  const all = globSync('**/*.test.ts', { cwd: TESTS, exclude: ['e2e/**'] }).toSorted();
  return [...all.filter(isLong), ...all.filter((file) => !isLong(file))].map((file) => join(TESTS, file));
}

function isLong(file: string): boolean {
  return file.startsWith(`wire${sep}`);
}

const named = process.argv.slice(2);
runTestFiles({
  files: named.length > 0 ? named : allFiles(),
  concurrency: availableParallelism(),
  timeoutMs: 240_000,
});
