/** The arithmetic of the mirror bench, with made-up rounds: nothing is measured here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMirrors, type MirrorRound, spreadOf, summariseMirrors } from '../../bench/macro/mirror-report.ts';

function round(name: string, p99Ms: number, cpuSeconds: number, errors = 0): MirrorRound {
  const load = { requests: 10_000, requestsPerSecond: 5_000, p50Ms: 0.5, p99Ms, p999Ms: 2, errors };
  return { name, cpuSeconds, seconds: 2, load };
}

const ROUNDS = [
  round('plain', 1, 0.2),
  round('hung', 1.25, 0.3),
  round('plain', 10, 0.4),
  round('hung', 10.5, 0.4, 2),
  round('plain', 3, 0.2),
  round('hung', 2, 0.5, 1),
];

test('a case is compared with the round of the same turn, so that what changes meanwhile does not count', () => {
  const [plain, hung] = summariseMirrors(ROUNDS, 'plain');
  assert.deepEqual([plain?.name, plain?.addedMs, plain?.cpuRatio, plain?.errors], ['plain', 0, 1, 0]);
  assert.deepEqual([hung?.p99Ms, hung?.addedMs, hung?.cpuRatio.toFixed(3), hung?.errors], [2, 0.25, '1.500', 3]);
  assert.equal(hung?.cpuUs.toFixed(1), '40.0');
  assert.equal(hung?.busy, 0.2);
});

test('the spread is that of all rounds of the cases it is asked for', () => {
  assert.deepEqual(spreadOf(ROUNDS, ['plain']), { leastMs: 1, mostMs: 10 });
  assert.deepEqual(spreadOf(ROUNDS, ['hung', 'plain']), { leastMs: 1, mostMs: 10.5 });
});

test('a difference is within the spread or above it, and copies that there were none of are not shown', () => {
  const rows = summariseMirrors(ROUNDS, 'plain');
  const copies = new Map([
    [
      'hung',
      new Map([
        ['timeout', 64],
        ['busy', 0],
        ['paused', 7],
      ]),
    ],
  ]);
  const lineOf = (spreadMs: number): string =>
    formatMirrors(rows, { leastMs: 1, mostMs: 1 + spreadMs }, copies).split('\n')[2] ?? '';
  assert.match(
    lineOf(0.5),
    /^hung +0\.50 +2\.00 +2\.00 +\+0\.25 +within +40\.0 +1\.50 +20 % +3 +64 timeout, 7 paused$/,
  );
  assert.match(lineOf(0.125), / \+0\.25 +above /);
});
