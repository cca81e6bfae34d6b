/** How many retries a budget lets through, on a clock that the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RetryBudget } from '../../src/balancer/retry-budget.ts';

const WINDOW_MS = 10_000;
const NONE = -1;

/** How many of `tries` retries are let through. */
function spend(budget: RetryBudget, nowMs: number, tries: number): number {
  let passed = 0;
  for (let i = 0; i < tries; i++) if (budget.spend(nowMs) !== NONE) passed++;
  return passed;
}

test('a share of the requests may be retried', () => {
  const budget = new RetryBudget(20, 0);
  for (let i = 0; i < 1_000; i++) budget.countRequest(5_000);
  assert.equal(spend(budget, 5_000, 1_000), 200);
});

test('rare requests can be retried up to the floor, which is no addition to the share', () => {
  const budget = new RetryBudget(20, 3);
  budget.countRequest(5_000);
  assert.equal(spend(budget, 5_000, 100), 30);
  for (let i = 0; i < 200; i++) budget.countRequest(5_000);
  assert.equal(spend(budget, 5_000, 100), 10);
});

test('with neither share nor floor nothing is retried', () => {
  const budget = new RetryBudget(0, 0);
  for (let i = 0; i < 100; i++) budget.countRequest(1);
  assert.equal(budget.spend(1), NONE);
});

test('what is older than the window counts no longer, requests and retries alike', () => {
  const budget = new RetryBudget(20, 0);
  for (let i = 0; i < 100; i++) budget.countRequest(5_000);
  assert.equal(spend(budget, 5_000, 100), 20);
  assert.equal(spend(budget, 5_000 + WINDOW_MS - 1_000, 1), 0);
  assert.equal(spend(budget, 5_000 + WINDOW_MS, 1), 0);
  for (let i = 0; i < 100; i++) budget.countRequest(5_000 + WINDOW_MS);
  assert.equal(spend(budget, 5_000 + WINDOW_MS, 100), 20);
});

test('a refund makes room for another retry, but not when the retry has left the window', () => {
  const budget = new RetryBudget(0, 1);
  const ticket = budget.spend(1_000);
  assert.equal(spend(budget, 2_000, 100), 9);
  budget.refund(ticket, 3_000);
  assert.equal(spend(budget, 3_000, 100), 1);
  budget.refund(ticket, 1_000 + WINDOW_MS);
  // That of the first second has gone by itself, and once.
  assert.equal(spend(budget, 1_000 + WINDOW_MS, 100), 0);
});

test('whatever happens when, retries that stay unrefunded keep to the larger of share and floor', () => {
  const step = fc.record({ passMs: fc.nat(4_000), requests: fc.nat(50), retries: fc.nat(20), refunds: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(100), fc.nat(3), (steps, percent, perSecond) => {
      const budget = new RetryBudget(percent, perSecond);
      const requests: number[] = [];
      let spent: { second: number; ticket: number }[] = [];
      let nowMs = 0;
      for (const { passMs, requests: more, retries, refunds } of steps) {
        nowMs += passMs;
        const second = Math.floor(nowMs / 1_000);
        for (let i = 0; i < more; i++) {
          budget.countRequest(nowMs);
          requests.push(second);
        }
        for (const { ticket } of spent.slice(0, refunds)) budget.refund(ticket, nowMs);
        spent = spent.slice(refunds);
        const inWindow = (at: number): boolean => at > second - 10;
        const allowed = Math.max((requests.filter(inWindow).length * percent) / 100, perSecond * 10);
        for (let i = 0; i < retries; i++) {
          const used = spent.filter((one) => inWindow(one.second)).length;
          const ticket = budget.spend(nowMs);
          assert.equal(ticket !== NONE, used + 1 <= allowed, `${used} of ${allowed} at ${nowMs}`);
          if (ticket !== NONE) spent.push({ second, ticket });
        }
      }
    }),
  );
});
