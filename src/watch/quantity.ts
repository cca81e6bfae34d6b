/** Spellings of quantities in configuration files: durations and byte sizes. */

const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/;
const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const MAX_DURATION_MS = 86_400_000;

const LIFETIME = /^(\d{1,9})(s|m|h|d)$/;
const LIFETIME_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const MAX_LIFETIME_SECONDS = 3_650 * 86_400;

const BYTE_SIZE = /^(\d{1,15})(KiB|MiB|GiB|)$/;
const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

export const DURATION_FORM = 'a duration from `1ms` to `24h`, such as `250ms`, `2s` or `1m`';
export const LIFETIME_FORM = 'a whole time from `1s` to `3650d`, such as `30m`, `12h` or `2d`';
export const BYTE_SIZE_FORM = 'a size such as `512KiB`, `10MiB` or `1GiB`, or a number of bytes';

/** Whole milliseconds; null when `text` is no duration from 1 ms to 24 h. */
export function parseDurationMs(text: string): number | null {
  const [, amount, unit = ''] = DURATION.exec(text) ?? [];
  const durationMs = Math.round(Number(amount) * (DURATION_UNITS_MS[unit] ?? Number.NaN));
  return durationMs >= 1 && durationMs <= MAX_DURATION_MS ? durationMs : null;
}

/** Null when `text` is no whole number of seconds, minutes, hours or days from 1 second to 10 years. */
export function parseLifetimeSeconds(text: string): number | null {
  const [, amount, unit = ''] = LIFETIME.exec(text) ?? [];
  const seconds = Number(amount) * (LIFETIME_UNITS[unit] ?? Number.NaN);
  return seconds >= 1 && seconds <= MAX_LIFETIME_SECONDS ? seconds : null;
}

/** Null when `size` is no whole, non-negative, exactly representable number of bytes. */
export function parseByteSize(size: string | number): number | null {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : null;
  const [, amount, unit = ''] = BYTE_SIZE.exec(size) ?? [];
  const bytes = Number(amount) * (BYTE_UNITS[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
