/** Memory of a large configuration is given back, and a small one costs no collection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { collectGarbage } from '../../src/cli/collect-garbage.ts';

/** Bytes of lists that nobody holds afterwards. */
function litter(bytes: number): void {
  const lists: number[][] = [];
  while (lists.length * 8_016 < bytes) lists.push(Array.from({ length: 1_000 }, (_, at) => at));
}

function isHeld(token: WeakRef<object>): boolean {
  return token.deref() !== undefined;
}

test('with a large heap garbage goes', async () => {
  litter(120_000_000);
  const token = new WeakRef({});
  litter(70_000_000);
  await new Promise(setImmediate);
  assert.ok(getHeapStatistics().used_heap_size > 64_000_000);
  collectGarbage();
  assert.ok(!isHeld(token));
  assert.ok(getHeapStatistics().used_heap_size < 64_000_000);
});
