/** When a mirror target is paused, for how long, and how it comes back. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Pool } from 'undici';
import { MAX_COPIES_PER_TARGET, MirrorTarget } from '../../../src/proxy/mirror/mirror-target.ts';

function mirrorTarget(t: TestContext): MirrorTarget {
  const pool = new Pool('http://127.0.0.1:9');
  t.after(() => pool.destroy());
  return new MirrorTarget('http://127.0.0.1:9', pool);
}

function fail(target: MirrorTarget, times: number, nowMs: number): void {
  for (let time = 0; time < times; time++) target.record(false, nowMs);
}

test('five failures in a row pause it, and an answer between them does not', (t) => {
  const target = mirrorTarget(t);
  fail(target, 4, 100);
  target.record(true, 100);
  fail(target, 4, 100);
  assert.equal(target.refusal(100), null);
  assert.equal(target.record(false, 100), true);
  assert.equal(target.refusal(100), 'paused');
  assert.equal(target.refusal(1_099), 'paused');
});

test('after the pause one copy tries it, alone; an answer opens it', (t) => {
  const target = mirrorTarget(t);
  fail(target, 5, 100);
  assert.equal(target.refusal(1_100), null);
  target.inFlight = 1;
  assert.equal(target.refusal(1_100), 'paused');
  target.record(true, 1_200);
  assert.equal(target.refusal(1_200), null);
});

test('each failed trial doubles the pause, up to 30 seconds', (t) => {
  const target = mirrorTarget(t);
  fail(target, 5, 0);
  let nowMs = 0;
  const pauses: number[] = [];
  for (let trial = 0; trial < 8; trial++) {
    const fromMs = nowMs;
    while (target.refusal(nowMs) === 'paused') nowMs += 500;
    pauses.push(nowMs - fromMs);
    target.record(false, nowMs);
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('those that were under way when it was paused do not make the pause longer', (t) => {
  const target = mirrorTarget(t);
  fail(target, 60, 100);
  assert.equal(target.refusal(1_100), null);
});

test('it takes so many copies at once', (t) => {
  const target = mirrorTarget(t);
  target.inFlight = MAX_COPIES_PER_TARGET - 1;
  assert.equal(target.refusal(0), null);
  target.inFlight++;
  assert.equal(target.refusal(0), 'busy');
});
