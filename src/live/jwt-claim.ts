/**
 * Reads one claim out of a bearer token (RFC 6750 §2.1, RFC 7519 §3) without checking its signature: it says whom a request
 * belongs to, never what it may do.
 */

/** Longer credentials are not looked into. */
const MAX_LENGTH = 8_192;
const BEARER = /^bearer +/i;

/** @returns a text, or a number as text; null for anything else */
export function readClaim(authorization: string | null, name: string): string | null {
  if (authorization === null || authorization.length > MAX_LENGTH) return null;
  const scheme = BEARER.exec(authorization);
  if (scheme === null) return null;
  const start = authorization.indexOf('.', scheme[0].length) + 1;
  const end = start === 0 ? -1 : authorization.indexOf('.', start);
  if (end === -1) return null;
  const claims = parseClaims(Buffer.from(authorization.slice(start, end), 'base64url').toString('utf8'));
  const claim = claims !== null && Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (typeof claim === 'number') return String(claim);
  return typeof claim === 'string' ? claim : null;
}

function parseClaims(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const claims: unknown = JSON.parse(text);
    return isClaims(claims) ? claims : null;
  } catch {
    return null;
  }
}

function isClaims(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
