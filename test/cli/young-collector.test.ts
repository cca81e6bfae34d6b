/** Young objects are collected after enough changes, and in many threads at once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { YoungCollector } from '../../src/cli/young-collector.ts';

const THREADS = 8;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function isForcedMinor(entry: PerformanceEntry): boolean {
  const { kind, flags } = (entry as PerformanceEntry & { readonly detail: { kind: number; flags: number } }).detail;
  return kind === constants.NODE_PERFORMANCE_GC_MINOR && (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0;
}

test('young objects are collected once after so many parts, and not before', async (t) => {
  const forced: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => forced.push(...list.getEntries().filter(isForcedMinor)));
  observer.observe({ entryTypes: ['gc'] });
  t.after(() => observer.disconnect());
  const collector = new YoungCollector();
  const note = async (parts: number): Promise<number> => {
    collector.note(parts);
    for (let turns = 0; turns < 3; turns++) await turn();
    forced.push(...observer.takeRecords().filter(isForcedMinor));
    return forced.length;
  };
  assert.equal(await note(99), 0);
  assert.equal(await note(1), 1);
  assert.equal(await note(99), 1);
  assert.equal(await note(250), 2);
});

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
