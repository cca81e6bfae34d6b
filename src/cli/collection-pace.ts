/**
 * When V8 collects garbage. Left to itself it takes quiet for a good moment, collects all a thread has again and again, and
 * has helpers ready: but here quiet is the rule, and the change or request that comes next waits for the collection, and for
 * the cores its helpers take (`docs/adr/0052-collections-in-nobodys-way.md`).
 */
import { setFlagsFromString } from 'node:v8';

const ALWAYS: readonly string[] = [
  // None of all garbage because a thread has nothing to do.
  '--memory-reducer-gc-count=0',
  // What survives among young objects is little: helpers come later than a thread is done by itself.
  '--no-parallel-scavenge',
  // Who learned at the start that much lives on would put all of its kind among the old from then on.
  '--no-allocation-site-pretenuring',
  // Of two cores, helpers that mark take both.
  '--concurrent-marking-max-worker-num=1',
];
/** Of what lives, so much more may be garbage. V8 comes down to 10 % where little is allocated. */
const LARGE_HEAPS = '--heap-growing-percent=40';

export const COLLECTION_FLAGS: readonly string[] = [...ALWAYS, LARGE_HEAPS];

/** Holds for threads started from now on, and as far as V8 lets it for those that run: the number of helpers is theirs to keep. */
export function paceCollections(): void {
  for (const flag of ALWAYS) setFlagsFromString(flag);
}

/** Holds for all threads. Small heaps are better off with what V8 makes of their rate: it is up to four times what lives. */
export function paceLargeHeaps(): void {
  setFlagsFromString(LARGE_HEAPS);
}
