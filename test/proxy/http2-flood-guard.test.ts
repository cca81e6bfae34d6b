/** How much of what costs only us a connection may do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloodGuard } from '../../src/proxy/http2/flood-guard.ts';

function resetsAllowed(guard: FloodGuard, count: number, nowMs: number): number {
  let allowed = 0;
  for (let at = 0; at < count; at++) if (guard.allowReset(nowMs)) allowed++;
  return allowed;
}

test('a burst of resets is allowed, more is not', () => {
  assert.equal(resetsAllowed(new FloodGuard(), 1_000, 5), 200);
});

test('a connection with many requests may reset up to half of them', () => {
  const guard = new FloodGuard();
  for (let at = 0; at < 1_000; at++) guard.countStream(5);
  assert.equal(resetsAllowed(guard, 1_000, 5), 500);
});

test('after ten seconds all is forgotten, the requests too', () => {
  const guard = new FloodGuard();
  for (let at = 0; at < 1_000; at++) guard.countStream(5);
  assert.equal(resetsAllowed(guard, 300, 5), 300);
  assert.equal(resetsAllowed(guard, 1_000, 10_005), 200);
  assert.equal(resetsAllowed(guard, 1_000, 20_004), 0);
  assert.equal(resetsAllowed(guard, 1_000, 20_005), 200);
});

test('control frames have a limit of their own', () => {
  const guard = new FloodGuard();
  let allowed = 0;
  for (let at = 0; at < 5_000; at++) if (guard.allowControlFrame(5)) allowed++;
  assert.equal(allowed, 2_000);
  assert.equal(guard.allowReset(5), true);
});
