/**
 * What a micro bench file declares and how one case of it is measured. Finding the files, one process a case and the
 * printed table are `run.ts`.
 */
import { getHeapStatistics } from 'node:v8';

/** Does the operation `count` times in a loop of its own and returns something made of the results, so that none can be optimised away. */
export type Repeat = (count: number) => unknown;

export interface BenchCase {
  /** Unique in its file. */
  readonly name: string;
  /** Name of the case of the same file this one is compared with: the naive form. */
  readonly baseline?: string;
  /** Builds the inputs; not measured. */
  setup(): Repeat;
}

export interface Measurement {
  /** Best round. */
  readonly nanoseconds: number;
  /** JavaScript heap bytes per operation, over all rounds: V8 counts in steps larger than what a short round allocates. */
  readonly bytes: number;
}

const ROUNDS = 11;
const ROUND_MS = 40;
const WARM_UP_MS = 150;

/** Checks the list; a bench file says `export const cases: readonly BenchCase[] = defineCases([…])`. */
export function defineCases(cases: readonly BenchCase[]): readonly BenchCase[] {
  const names = new Set(cases.map((one) => one.name));
  if (names.size !== cases.length)
    throw new Error('two bench cases have the same name; names must be unique in a file');
  for (const one of cases) {
    if (one.baseline !== undefined && !names.has(one.baseline)) {
      throw new Error(`bench case "${one.name}" names the baseline "${one.baseline}", which is not in its file`);
    }
  }
  return cases;
}

export function measureCase(benchCase: BenchCase): Measurement {
  const repeat = benchCase.setup();
  const count = warmUp(repeat);
  // Reading the statistics allocates by itself; a loop of no operations shows how much.
  const idleBytes = measureRound(repeat, 0).bytes;
  let bestNanoseconds = Number.POSITIVE_INFINITY;
  let allBytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { nanoseconds, bytes } = measureRound(repeat, count);
    bestNanoseconds = Math.min(bestNanoseconds, nanoseconds);
    allBytes += Math.max(0, bytes - idleBytes);
  }
  return { nanoseconds: bestNanoseconds / count, bytes: allBytes / (ROUNDS * count) };
}

/** Runs until the compiler had its say and returns how many operations fill one round. */
function warmUp(repeat: Repeat): number {
  let count = 1;
  let spentMs = 0;
  for (;;) {
    const roundMs = measureRound(repeat, count).nanoseconds / 1e6;
    spentMs += roundMs;
    if (roundMs < ROUND_MS / 2) count *= 2;
    else if (spentMs > WARM_UP_MS) return Math.max(1, Math.round((count * ROUND_MS) / roundMs));
  }
}

function measureRound(repeat: Repeat, count: number): Measurement {
  const bytesBefore = getHeapStatistics().total_allocated_bytes;
  const startedAt = process.hrtime.bigint();
  repeat(count);
  const nanoseconds = Number(process.hrtime.bigint() - startedAt);
  const bytes = getHeapStatistics().total_allocated_bytes - bytesBefore;
  return { nanoseconds, bytes };
}
