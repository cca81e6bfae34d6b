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
  readonly probes: { readonly maxInFlight: number; readonly maxKept: number };
  readonly maxLent: number;
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
    probes: { maxInFlight: 2_048, maxKept: 16_384 },
    maxLent: 0,
    openFilesWanted: 140_067,
  },
  {
    name: 'auto stays within the open files: two for a connection, a sixteenth for probes and some for the rest',
    asked: 'auto',
    workers: 2,
    openFiles: 4_096,
    maxConnections: 900,
    maxSockets: 1_800,
    probes: { maxInFlight: 60, maxKept: 180 },
    maxLent: 900,
    openFilesWanted: 70_162,
  },
  {
    name: 'a number is shared out, rounded up',
    asked: 10,
    workers: 4,
    openFiles: 1_000_000,
    maxConnections: 3,
    maxSockets: 245_328,
    probes: { maxInFlight: 2_048, maxKept: 16_384 },
    maxLent: 0,
    openFilesWanted: 282,
  },
  {
    name: 'a number beyond the open files is lowered',
    asked: 100_000,
    workers: 2,
    openFiles: 20_000,
    maxConnections: 4_627,
    maxSockets: 9_255,
    probes: { maxInFlight: 308, maxKept: 926 },
    maxLent: 4_626,
    openFilesWanted: 213_590,
  },
  {
    name: 'a hopeless limit leaves something to work with',
    asked: 'auto',
    workers: 8,
    openFiles: 64,
    maxConnections: 16,
    maxSockets: 32,
    probes: { maxInFlight: 2, maxKept: 6 },
    maxLent: 0,
    openFilesWanted: 279_877,
  },
];

for (const { name, asked, workers, openFiles, ...plan } of CASES) {
  test(name, () => assert.deepEqual(planConnections(asked, workers, openFiles), plan));
}

test('what is wanted is just enough for what was asked', () => {
  for (const [asked, workers] of [
    [1_000, 1],
    [60_000, 3],
    [1_000_000, 16],
  ] as const) {
    const { openFilesWanted } = planConnections(asked, workers, UNLIMITED);
    const wanted = Math.ceil(asked / workers);
    assert.equal(planConnections(asked, workers, openFilesWanted).maxConnections, wanted);
    assert.ok(planConnections(asked, workers, openFilesWanted - 3 * workers).maxConnections < wanted);
  }
});

test('the soft limit counts', () => {
  const line = 'Max open files            1024                 524288               files     \n';
  assert.equal(parseOpenFileLimit(`Max processes             1 2 processes\n${line}`), 1_024);
  assert.equal(parseOpenFileLimit(line.replace(/1024 /, 'unlimited ')), UNLIMITED);
  assert.equal(parseOpenFileLimit(''), UNLIMITED);
});

test('this process has a limit it can read', () => {
  assert.ok(openFileLimit() > 0);
});
