/** Judges the fields behind a body (RFC 9110 §6.5, RFC 9113 §8.1), for both directions. */
import { PASS } from '../http1/field-table.ts';
import { KNOWN_FIELDS } from '../http1/request-fields.ts';
import { isFieldValue, judgeName } from './field-rules.ts';

/** What frames, routes or authenticates a message, or belongs to one connection, has no meaning behind it. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...KNOWN_FIELDS.filter(([, kind]) => kind !== PASS).map(([name]) => name),
  'authorization',
  'cache-control',
  'cookie',
  'proxy-authenticate',
  'proxy-authorization',
  'set-cookie',
  'www-authenticate',
]);

/**
 * @param fields names and values in turn, as they were decoded
 * @param ofRequest such lose names with `_`, as its head does
 * @returns those that may be passed on; null when the message is malformed, as by a pseudo-field
 */
export function judgeTrailers(fields: readonly string[], ofRequest: boolean): readonly string[] | null {
  const passing: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    const value = fields[at + 1] as string;
    const nameClass = judgeName(name);
    if (nameClass === 0 || !isFieldValue(value)) return null;
    if ((nameClass === 1 || !ofRequest) && mayTrail(name)) passing.push(name, value);
  }
  return passing;
}

function mayTrail(name: string): boolean {
  return !NOT_IN_TRAILERS.has(name) && !name.startsWith('content-') && !name.startsWith('x-forwarded-');
}
