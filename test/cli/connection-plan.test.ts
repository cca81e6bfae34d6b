/** Connections and open files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planConnections } from '../../src/cli/connection-plan.ts';
import { openFileLimit, parseOpenFileLimit } from '../../src/cli/open-file-limit.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

interface Case {
  readonly name: string;
  readonly asked: number | 'auto';
  readonly workers: number;
  readonly openFiles: number;
  readonly maxConnections: number;
  readonly maxSockets: number;
  readonly openFilesWanted: number;
}

const CASES: readonly Case[] = [
  {
    name: 'auto is 16384 a worker',
    asked: 'auto',
    workers: 4,
    openFiles: UNLIMITED,
    maxConnections: 16_384,
    maxSockets: UNLIMITED,
    openFilesWanted: 131_328,
  },
  {
    name: 'auto stays within the open files, two for a connection and some for the rest',
    asked: 'auto',
    workers: 2,
    openFiles: 4_096,
    maxConnections: 960,
    maxSockets: 1_920,
    openFilesWanted: 65_792,
  },
  {
    name: 'a number is shared out, rounded up',
    asked: 10,
    workers: 4,
    openFiles: 1_000_000,
    maxConnections: 3,
    maxSockets: 249_936,
    openFilesWanted: 280,
  },
  {
    name: 'a number beyond the open files is lowered',
    asked: 100_000,
    workers: 2,
    openFiles: 20_000,
    maxConnections: 4_936,
    maxSockets: 9_872,
    openFilesWanted: 200_256,
  },
  {
    name: 'a hopeless limit leaves something to work with',
    asked: 'auto',
    workers: 8,
    openFiles: 64,
    maxConnections: 16,
    maxSockets: 32,
    openFilesWanted: 262_400,
  },
];

for (const { name, asked, workers, openFiles, ...plan } of CASES) {
  test(name, () => assert.deepEqual(planConnections(asked, workers, openFiles), plan));
}

test('the soft limit counts', () => {
  const line = 'Max open files            1024                 524288               files     \n';
  assert.equal(parseOpenFileLimit(`Max processes             1 2 processes\n${line}`), 1_024);
  assert.equal(parseOpenFileLimit(line.replace(/1024 /, 'unlimited ')), UNLIMITED);
  assert.equal(parseOpenFileLimit(''), UNLIMITED);
});

test('this process has a limit it can read', () => {
  assert.ok(openFileLimit() > 0);
});
