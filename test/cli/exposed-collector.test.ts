/** The collector is there for every thread that asks. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const THREADS = 8;

test('threads that ask for the collector at the same time all get it', async (t) => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.file).then(({ exposeCollector }) => {
      parentPort.postMessage('ready');
      Atomics.wait(workerData.gate, 0, 0);
      parentPort.postMessage(exposeCollector() === null ? 'none' : 'found');
    });`;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { file: new URL('../../src/cli/exposed-collector.ts', import.meta.url).href, gate };
  const threads = Array.from({ length: THREADS }, () => new Worker(code, { eval: true, workerData }));
  t.after(() => Promise.all(threads.map((thread) => thread.terminate())));
  const next = (): Promise<unknown[]> => Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0]));
  await next();
  const answers = next();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const expected = Array.from({ length: THREADS }, () => 'found');
  assert.deepEqual(await answers, expected);
});
