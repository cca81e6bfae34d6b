/** What names and values of HTTP/2 fields may consist of (RFC 9113 §8.2.1). Hot. */
import { FIELD_VALUE, HTAB, SP, TOKEN } from '../http1/char-classes.ts';

const UPPER_A = 65;
const UPPER_Z = 90;

/** 0 = no field name (RFC 9113 §8.2.1), 2 = one with `_`, 1 = any other. */
export function judgeName(name: string): number {
  let result = name.length === 0 ? 0 : 1;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    const cls = TOKEN[code];
    if (cls === 2) result = 2;
    else if (cls !== 1 || (code >= UPPER_A && code <= UPPER_Z)) return 0;
  }
  return result;
}

/** RFC 9113 §8.2.1: no NUL, CR or LF, no blanks around it; other controls are refused as in HTTP/1.1. */
export function isFieldValue(value: string): boolean {
  const last = value.length - 1;
  if (last < 0) return true;
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(last))) return false;
  for (let at = 0; at <= last; at++) if (FIELD_VALUE[value.charCodeAt(at)] !== 1) return false;
  return true;
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}
