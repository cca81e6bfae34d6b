/** Numbers and times as the texts of releases write them: what plans, gates and expiry have in common. */

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

const DECIMAL = /^\d{1,9}(?:\.\d{1,3})?$/;
const TIME = /^(\d{1,11}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
const UNITS_MS: ReadonlyMap<string, number> = new Map(UNITS);

/** Releases are looked at once a second. */
const MIN_TIME_MS = 1_000;
const MAX_TIME_MS = 365 * 86_400_000;

export const RELEASE_TIME_FORM = 'a time from 1s to 365d, such as 30s, 10m, 24h or 3d';

/** Not negative and at most three decimals, else null. */
export function parseDecimal(text: string): number | null {
  return DECIMAL.test(text) ? Number(text) : null;
}

/** Whole milliseconds; null for what is not of `RELEASE_TIME_FORM`. */
export function parseReleaseTime(text: string): number | null {
  const [, amount, unit = ''] = TIME.exec(text) ?? [];
  const timeMs = Math.round(Number(amount) * (UNITS_MS.get(unit) ?? Number.NaN));
  return timeMs >= MIN_TIME_MS && timeMs <= MAX_TIME_MS ? timeMs : null;
}

/** A whole number of the largest unit that makes one. */
export function formatReleaseTime(timeMs: number): string {
  const [unit, unitMs] = UNITS.find(([, ms]) => timeMs % ms === 0) ?? ['ms', 1];
  return `${timeMs / unitMs}${unit}`;
}

/** Quoted for a message, and not longer than messages should be. */
export function quote(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}
