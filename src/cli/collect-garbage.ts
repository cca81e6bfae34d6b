/**
 * Gives memory back after the first configuration. A large one leaves as much garbage as it is large, and then nothing is
 * allocated for long that would have it collected. A thread that keeps this much gets more room for garbage from then on.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { paceLargeHeaps } from './collection-pace.ts';

/** Below that there is nothing to gain. */
const WORTHWHILE_BYTES = 64_000_000;

/** Stops the thread for as long as its live objects take to be visited: to be called before it serves anybody. */
export function collectGarbage(): void {
  if (getHeapStatistics().used_heap_size < WORTHWHILE_BYTES) return;
  paceLargeHeaps();
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  // Anything less leaves the young generation as large as it had to be while the configuration was built.
  if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
