/** What workers lend to health probes, and when they want it back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileLoan } from '../../src/cli/file-loan.ts';
import { LENT, WANTED } from '../../src/model/worker-messages.ts';

test('each worker lends its part, rounded up', () => {
  const loan = new FileLoan(100, 3);
  loan.lend(7);
  assert.equal(loan.shared[LENT], 3);
  loan.lend(0);
  assert.equal(loan.shared[LENT], 0);
});

test('files are wanted from when a worker says so until none has for a while', () => {
  let nowMs = 0;
  const loan = new FileLoan(100, 3, () => nowMs);
  assert.equal(loan.isWanted, false);
  Atomics.add(loan.shared, WANTED, 1);
  assert.equal(loan.isWanted, true);
  nowMs = 4_000;
  Atomics.add(loan.shared, WANTED, 1);
  assert.equal(loan.isWanted, true);
  nowMs = 8_999;
  assert.equal(loan.isWanted, true);
  nowMs = 9_000;
  assert.equal(loan.isWanted, false);
});
