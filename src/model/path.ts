/**
 * The one normal form of a URL path. Requests and rules go through the same function, so what a rule is compared with is
 * also what is sent upstream. Hot: a path without `%` and without a segment that starts with a dot is returned as it is.
 */

const DOT = 0x2e;
const SLASH = 0x2f;

/**
 * Decodes escaped unreserved characters, upper-cases the hex digits of the escapes that stay, and resolves dot segments
 * (RFC 3986 §5.2.4, §6.2.2), also those spelled `%2e`. `%2F` and `%5C` stay escaped, slashes are not merged, and nothing
 * is decoded twice. Null for what must be refused: a path that does not start with `/`, a malformed escape, `%00`, or
 * dot segments that lead above the root. Expects the path alone, without query.
 */
export function normalisePath(path: string): string | null {
  if (path.charCodeAt(0) !== SLASH) return null;
  const decoded = path.includes('%') ? decodeUnreserved(path) : path;
  if (decoded === null || !decoded.includes('/.')) return decoded;
  return resolveDotSegments(decoded);
}

/**
 * Spells the path of a rule as a client would send it: what a request target cannot hold (space, controls, non-ASCII,
 * `?`, `#`) is percent-encoded as UTF-8. Escapes already in the text are left alone.
 */
export function encodeRulePath(path: string): string {
  if (/^[!"$->@-~]*$/.test(path)) return path;
  let encoded = '';
  for (const byte of new TextEncoder().encode(path)) {
    const sendable = byte > 0x20 && byte < 0x7f && byte !== 0x3f && byte !== 0x23;
    encoded += sendable ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function decodeUnreserved(path: string): string | null {
  let result = '';
  let copiedUpTo = 0;
  for (let at = path.indexOf('%'); at !== -1; at = path.indexOf('%', at + 3)) {
    const high = hexDigit(path.charCodeAt(at + 1));
    const low = hexDigit(path.charCodeAt(at + 2));
    if (high === -1 || low === -1) return null;
    const code = high * 16 + low;
    if (code === 0) return null;
    result += path.slice(copiedUpTo, at);
    result += isUnreserved(code) ? String.fromCharCode(code) : path.slice(at, at + 3).toUpperCase();
    copiedUpTo = at + 3;
  }
  return result + path.slice(copiedUpTo);
}

function resolveDotSegments(path: string): string | null {
  const kept: string[] = [];
  let start = 1;
  for (;;) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const isLast = slash === -1;
    const dots = dotsOnly(path, start, end);
    if (dots === 2 && kept.pop() === undefined) return null;
    if (dots === 0) kept.push(path.slice(start, end));
    // A final dot segment names a directory: `/a/.` is `/a/`.
    else if (isLast) kept.push('');
    if (isLast) return `/${kept.join('/')}`;
    start = slash + 1;
  }
}

/** 1 for the segment `.`, 2 for `..`, 0 for any other. */
function dotsOnly(path: string, start: number, end: number): 0 | 1 | 2 {
  if (path.charCodeAt(start) !== DOT) return 0;
  if (end === start + 1) return 1;
  return end === start + 2 && path.charCodeAt(start + 1) === DOT ? 2 : 0;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** ALPHA, DIGIT, `-`, `.`, `_`, `~` (RFC 3986 §2.3). */
function isUnreserved(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true;
  const lower = code | 0x20;
  if (lower >= 0x61 && lower <= 0x7a && code >= 0x41) return true;
  return code === 0x2d || code === DOT || code === 0x5f || code === 0x7e;
}
