/** Room for short-lived objects in threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { enlargeYoungGenerations } from '../../src/cli/young-generation.ts';

/** Makes garbage and tells how much of it there was at most. */
const MAKE_GARBAGE = `
  const { parentPort } = require('node:worker_threads');
  const { getHeapSpaceStatistics } = require('node:v8');
  let last = null;
  let peak = 0;
  for (let made = 0; made < 400_000; made++) {
    last = { made, text: 'text ' + made, before: null };
    if (made % 1_000 !== 0) continue;
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    peak = Math.max(peak, space.space_used_size);
  }
  parentPort.postMessage(last === null ? 0 : peak);
`;

function peakBytes(): Promise<number> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(MAKE_GARBAGE, { eval: true });
    thread.once('message', resolve);
    thread.once('error', reject);
  });
}

test('a thread started afterwards may pile up more garbage than one before', async () => {
  const before = await peakBytes();
  enlargeYoungGenerations();
  const after = await peakBytes();
  assert.ok(after > 12 * 1_048_576, `${after} bytes, ${before} before`);
  assert.ok(after > before);
});
