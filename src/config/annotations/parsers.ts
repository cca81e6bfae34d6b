/** Readers of annotation values, with the grammar existing manifests were written for (Go's `ParseBool` and `Atoi`). */
import type { SameSite } from '../../model/affinity.ts';
import { parseKeyTemplate } from '../../model/key-template.ts';
import type { Parsed } from './define.ts';

const TRUE_WORDS: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE_WORDS: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

export function boolean(text: string): Parsed<boolean> {
  if (TRUE_WORDS.has(text)) return { value: true };
  if (FALSE_WORDS.has(text)) return { value: false };
  return { problem: 'expected true or false' };
}

/** The switches of nginx itself; the words of `boolean` are taken too, because people write them. */
export function onOff(text: string): Parsed<boolean> {
  const word = text.trim().toLowerCase();
  if (word === 'on' || word === 'off') return { value: word === 'on' };
  const parsed = boolean(word);
  return 'value' in parsed ? parsed : { problem: 'expected on or off' };
}

/** Optional sign and digits, no blanks around them. */
export function integer(
  limits: { readonly min?: number; readonly max?: number } = {},
): (text: string) => Parsed<number> {
  const min = limits.min ?? Number.MIN_SAFE_INTEGER;
  const max = limits.max ?? Number.MAX_SAFE_INTEGER;
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return { value };
    if (limits.min === undefined) return { problem: 'expected a whole number' };
    if (limits.max !== undefined) return { problem: `expected a whole number from ${min} to ${max}` };
    return { problem: `expected a whole number of at least ${min}` };
  };
}

/** Timers hold no more than 2^31 - 1 ms; who asks for longer means "never". */
const MAX_TIMER_SECONDS = 2_147_483;

/** Seconds to milliseconds. */
export function seconds(text: string): Parsed<number> {
  const parsed = integer({ min: 1 })(text);
  return 'problem' in parsed
    ? { problem: 'expected a whole number of seconds of at least 1' }
    : { value: Math.min(parsed.value, MAX_TIMER_SECONDS) * 1000 };
}

/** 100 years, which is for ever to a browser; dates stay such that they can be written. */
const MAX_COOKIE_SECONDS = 3_153_600_000;

/** How long a cookie lasts; 0 and less are over at once, and mean that a browser forgets it. */
export function cookieSeconds(text: string): Parsed<number> {
  const parsed = integer()(text);
  if ('problem' in parsed || Math.abs(parsed.value) > MAX_COOKIE_SECONDS) {
    return { problem: `expected a whole number of seconds of at most ${MAX_COOKIE_SECONDS}` };
  }
  return parsed;
}

/** The same where 0 is allowed and means "no limit". */
export function secondsOrNone(text: string): Parsed<number> {
  const parsed = integer({ min: 0 })(text);
  return 'problem' in parsed
    ? { problem: 'expected a whole number of seconds, 0 for no limit' }
    : { value: Math.min(parsed.value, MAX_TIMER_SECONDS) * 1000 };
}

/** What a URL path may hold, but no `;`, which would end the attribute. */
const COOKIE_PATH = /^\/[A-Za-z0-9\-._~:@!$&'()*+,=%/]{0,1023}$/;

export function cookiePath(text: string): Parsed<string> {
  const value = text.trim();
  return COOKIE_PATH.test(value) ? { value } : { problem: 'expected a URL path such as /shop, without ;' };
}

const SAME_SITE_WORDS = ['None', 'Lax', 'Strict'] as const;

export function cookieSameSite(text: string): Parsed<SameSite> {
  const written = text.trim().toLowerCase();
  const value = SAME_SITE_WORDS.find((word) => word.toLowerCase() === written);
  return value === undefined ? { problem: 'expected None, Lax or Strict' } : { value };
}

const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** `250ms`, `1.5s`, `2m` to whole milliseconds: how our own annotations and the static file write durations. */
export function duration(minMs: number, maxMs: number): (text: string) => Parsed<number> {
  return (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text.trim());
    const value = Math.round(Number(match?.[1]) * (DURATION_UNITS_MS.get(match?.[2] ?? '') ?? Number.NaN));
    if (value >= minMs && value <= maxMs) return { value };
    return { problem: `expected a duration from ${minMs} ms to ${maxMs / 1_000} s, such as 250ms, 2s or 1m` };
  };
}

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1024],
  ['m', 1024 ** 2],
  ['g', 1024 ** 3],
]);

/** `10`, `8k`, `1m`, `2G` to bytes. */
export function size(text: string): Parsed<number> {
  const match = /^(\d+)([bkmg]?)$/i.exec(text.trim());
  const bytes = Number(match?.[1]) * (SIZE_UNITS.get(match?.[2]?.toLowerCase() ?? '') ?? 1);
  return Number.isSafeInteger(bytes) ? { value: bytes } : { problem: 'expected a size like 512k, 1m or 2g' };
}

/** Text whose every character `pattern` allows; lines are trimmed, and what is then empty counts as absent. */
export function plainText(pattern: RegExp, allowed: string): (raw: string) => Parsed<string> {
  return (raw) => {
    const value = raw
      .split('\n')
      .map((line) => line.trim())
      .join('\n');
    return pattern.test(value) ? { value } : { problem: `expected only ${allowed}` };
  };
}

/** Text with variables of a request. */
export function keyTemplate(text: string): Parsed<string> {
  const value = text.trim();
  const parsed = parseKeyTemplate(value);
  return 'problem' in parsed ? parsed : { value };
}

const NAME_PATTERN = /^[A-Za-z0-9\-._~/:]*$/;

/** A header or cookie name, or a plain header value. */
export const name: (raw: string) => Parsed<string> = plainText(NAME_PATTERN, 'letters, digits and - . _ ~ / :');
