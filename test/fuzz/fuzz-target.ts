/** What the fuzzing loop asks of a parser under test, and what all of them check in the same way. */
import { type Finding, failure } from './finding.ts';
import type { Dictionary } from './mutator.ts';
import type { Random } from './random.ts';
import { differenceOf, type Trace } from './trace.ts';

export interface FuzzTarget {
  readonly dictionary: Dictionary;
  /** Reads the bytes with both parsers and judges; `random` draws which of the dearer checks are made. */
  judge(bytes: Buffer, random: Random): Finding;
  /** Makes every check, with every split that is affordable: for reproducers and the corpus. */
  judgeThoroughly(bytes: Buffer): Finding;
  /** Of the last input: what each side made of it, for people. */
  readonly readings: string;
  /** Of the last input: what we made of it. */
  readonly reading: string;
  /** Of the last input: a short key of how it was treated; inputs with a new one are worth going on from. */
  readonly signature: string;
}

/** Ascending positions inside `length` bytes. */
export function drawCuts(length: number, random: Random): readonly number[] {
  if (length < 2) return [];
  if (length < 256 && random.oneIn(24)) return everyCut(length);
  const cuts = Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(length - 1));
  return cuts.toSorted((a, b) => a - b);
}

export function everyCut(length: number): readonly number[] {
  return Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
}

export function compareSplit(whole: Trace, split: Trace, cuts: readonly number[]): Finding | null {
  const difference = differenceOf(whole, split);
  return difference === null ? null : failure(`split at ${cuts.join(', ')}: ${difference}`);
}

/** Runs a check; what it throws is a finding too. */
export function guarded(check: () => Finding): Finding {
  try {
    return check();
  } catch (error) {
    return failure(error instanceof Error ? `threw ${error.message}` : 'threw something');
  }
}
