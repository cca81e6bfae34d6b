/** What counting for a release adds to a request of its route: once for each release that its side belongs to. */
import { SideCounts } from '../../src/live/release-counts.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

/** A power of two: the loop takes durations by a mask. */
const DURATIONS = 1_024;

function counting(): Repeat {
  const counts = new SideCounts();
  // From 0.1 ms to some seconds, as requests are.
  const durations = Float64Array.from({ length: DURATIONS }, (_, at) => 0.1 * 1.01 ** at);
  return (count) => {
    for (let at = 0; at < count; at++) counts.countAnswer(durations[at & (DURATIONS - 1)] as number);
    return counts.toFigures().requests;
  };
}

export const cases: readonly BenchCase[] = defineCases([{ name: 'an answer is counted', setup: counting }]);
