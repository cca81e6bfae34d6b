/** Request targets and authorities (RFC 9112 §3.2, RFC 3986 §3.2) that are not a plain path. */
import { isIPv6 } from 'node:net';
import { HOST_NAME } from './char-classes.ts';

export interface AbsoluteTarget {
  readonly authority: string;
  readonly target: string;
  /** Neither path nor query was written: `*` for OPTIONS (RFC 9112 §3.2.4). */
  readonly pathless: boolean;
}

/** `http://host/path?query` → its authority and origin form; null for anything else, userinfo included. */
export function splitAbsoluteTarget(raw: string): AbsoluteTarget | null {
  const scheme = /^https?:\/\//i.exec(raw);
  if (scheme === null) return null;
  const rest = raw.slice(scheme[0].length);
  const end = rest.search(/[/?]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  if (authority === '' || authority.includes('@')) return null;
  const target = end === -1 ? '' : rest.slice(end);
  return { authority, target: target.startsWith('/') ? target : `/${target}`, pathless: end === -1 };
}

/** `name`, `1.2.3.4` or `[v6]`, each with an optional `:port`. */
export function isValidAuthority(authority: string): boolean {
  let end = 0;
  if (authority.charCodeAt(0) === 91) {
    end = authority.indexOf(']') + 1;
    const literal = authority.slice(1, end - 1);
    // Zone identifiers mean something to one machine only.
    if (end === 0 || literal.includes('%') || !isIPv6(literal)) return false;
  } else {
    while (end < authority.length && HOST_NAME[authority.charCodeAt(end)] === 1) end++;
    if (end === 0 || end > 255) return false;
  }
  if (end === authority.length) return true;
  if (authority.charCodeAt(end) !== 58 || authority.length - end > 6) return false;
  for (let i = end + 1; i < authority.length; i++) {
    const code = authority.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** The form hosts are compared in: lower case, no port, no trailing dot. `authority` must be valid. */
export function toRoutingHost(authority: string): string {
  let end = authority.charCodeAt(0) === 91 ? authority.indexOf(']') + 1 : authority.indexOf(':');
  if (end === -1) end = authority.length;
  if (end > 1 && authority.charCodeAt(end - 1) === 46) end--;
  return authority.slice(0, end).toLowerCase();
}
