/**
 * Regular expressions of users, run in linear time, and what can be said about their matches without running them.
 */
import { RE2JS } from 're2js';

/** A compiled pattern in RE2 syntax. */
export class PathPattern {
  readonly source: string;
  readonly #compiled: RE2JS;

  constructor(source: string, compiled: RE2JS) {
    this.source = source;
    this.#compiled = compiled;
  }

  /** Whether the pattern matches the whole text. Allocates some 200 B inside re2js. */
  matchesWhole(text: string): boolean {
    return this.#compiled.testExact(text);
  }
}

/** Null when the source is not a valid RE2 pattern. */
export function compilePathPattern(source: string): PathPattern | null {
  try {
    return new PathPattern(source, RE2JS.compile(source));
  } catch {
    // Whatever re2js throws: no pattern a user can write may take the other routes down.
    return null;
  }
}

/** `^` and flags at the start say nothing about the characters that follow, except that case may not count. */
const LEADING_ANCHOR_AND_FLAGS = /^(?:\^|\(\?[imsU]+\))*/;
const PLAIN = /[\w!"#%&',/:;<=>@`~-]/;
const ESCAPED_PUNCTUATION = /\\([^\w\s])/y;
const QUANTIFIER = /[*?+{]/;

/**
 * Characters, in lower case, that every text matched by the pattern starts with when it is lower-cased itself. Empty
 * when in doubt. Only good for texts of bytes, as request targets are: under `(?i)` RE2 also lets U+017F stand for `s`
 * and U+212A for `k`.
 */
export function literalPrefix(source: string): string {
  if (mayHaveTopLevelAlternation(source)) return '';
  let at = LEADING_ANCHOR_AND_FLAGS.exec(source)?.[0].length ?? 0;
  let prefix = '';
  while (at < source.length) {
    const literal = literalAt(source, at);
    if (literal === '') return prefix;
    at += source[at] === '\\' ? 2 : 1;
    if (QUANTIFIER.test(source.charAt(at))) return prefix;
    prefix += literal.toLowerCase();
  }
  return prefix;
}

function literalAt(source: string, at: number): string {
  const char = source.charAt(at);
  if (char !== '\\') return PLAIN.test(char) ? char : '';
  ESCAPED_PUNCTUATION.lastIndex = at;
  const escaped = ESCAPED_PUNCTUATION.exec(source)?.[1] ?? '';
  return escaped < '\x7f' ? escaped : '';
}

/** True also for syntax this does not follow: quotes (`\Q`) and named classes inside brackets (`[[:alpha:]]`). */
function mayHaveTopLevelAlternation(source: string): boolean {
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const char = source[at];
    if (char === '\\') {
      at++;
      if (source[at] === 'Q') return true;
    } else if (char === '[') {
      at = endOfBrackets(source, at);
      if (at === -1) return true;
    } else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === '|' && depth === 0) return true;
  }
  return false;
}

/** Place of the `]` that closes the `[` at `open`; -1 when there is none, or a `[` inside. */
function endOfBrackets(source: string, open: number): number {
  // A `]` that comes first, also after `^`, stands for itself.
  let at = source[open + 1] === '^' ? open + 2 : open + 1;
  if (source[at] === ']') at++;
  for (; at < source.length; at++) {
    const char = source[at];
    if (char === ']') return at;
    if (char === '[') return -1;
    if (char === '\\') at++;
  }
  return -1;
}
