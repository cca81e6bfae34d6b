/** Releases as they may be written, for property tests. */
import * as fc from 'fast-check';
import type { ReleaseGates, ReleaseState, ReleaseStep, ReleaseWindow } from '../../src/model/release.ts';

/** Objects such as literals make them. */
function plain<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

export function arbitraryPlan(): fc.Arbitrary<readonly ReleaseStep[]> {
  const percents = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 32 });
  const holds = fc.array(fc.integer({ min: 1_000, max: 365 * 86_400_000 }), { minLength: 32, maxLength: 32 });
  return fc.tuple(percents, holds, fc.boolean()).map(([thousandths, holdsMs, isForGood]) => {
    const sorted = thousandths.toSorted((a, b) => a - b);
    return sorted.map((thousandth, at) => {
      const holdMs = isForGood && at === sorted.length - 1 ? 0 : (holdsMs[at] ?? 1_000);
      return { percent: thousandth / 1_000, holdMs };
    });
  });
}

export function arbitraryGates(): fc.Arbitrary<ReleaseGates> {
  const ratio = fc.integer({ min: 1_000, max: 100_000 }).map((thousandths) => thousandths / 1_000);
  return plain({
    errorDifference: fc.option(fc.integer({ min: 0, max: 99_999 }).map((thousandths) => thousandths / 100_000)),
    latencyRatios: fc.tuple(fc.option(ratio), fc.option(ratio), fc.option(ratio)).map((ratios) =>
      ([0.5, 0.95, 0.99] as const).flatMap((quantile, at) => {
        const each = ratios[at] ?? null;
        return each === null ? [] : { quantile, ratio: each };
      }),
    ),
    minRequests: fc.integer({ min: 0, max: 1_000_000_000 }),
    maxFailures: fc.option(fc.integer({ min: 0, max: 1_000_000_000 })),
  });
}

export function arbitraryWindow(): fc.Arbitrary<ReleaseWindow> {
  return plain({
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tehran'),
    days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
    fromMinute: fc.integer({ min: 0, max: 1_439 }),
    length: fc.integer({ min: 1, max: 1_440 }),
  }).map(({ timeZone, days, fromMinute, length }) => {
    const toMinute = Math.min(1_440, fromMinute + length);
    return { timeZone, days: days.toSorted((a, b) => a - b), fromMinute, toMinute };
  });
}

export function arbitraryState(): fc.Arbitrary<ReleaseState> {
  const count = fc.maxSafeNat();
  return plain({
    revision: fc.stringMatching(/^[0-9a-f]{1,16}$/),
    phase: fc.constantFrom('running', 'paused', 'aborted', 'completed', 'expired'),
    step: fc.integer({ min: 0, max: 31 }),
    beganAt: count,
    changedAt: count,
    elapsedMs: count,
    earlierFailures: count,
    reason: fc.string({ maxLength: 512 }),
  });
}
