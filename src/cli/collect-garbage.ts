/**
 * Gives memory back after the first configuration. A large one leaves as much garbage as it is large, and then nothing is
 * allocated for long that would have it collected. A thread that keeps this much gets more room for garbage from then on.
 */
import { getHeapStatistics } from 'node:v8';
import { paceLargeHeaps } from './collection-pace.ts';
import { exposeCollector } from './exposed-collector.ts';

/** Below that there is nothing to gain. */
const WORTHWHILE_BYTES = 64_000_000;

/** Stops the thread for as long as its live objects take to be visited: to be called before it serves anybody. */
export function collectGarbage(): void {
  if (getHeapStatistics().used_heap_size < WORTHWHILE_BYTES) return;
  paceLargeHeaps();
  // Anything less leaves the young generation as large as it had to be while the configuration was built.
  exposeCollector()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
