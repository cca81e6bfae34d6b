/** Reads one cookie out of a `Cookie` field (RFC 6265 §4.2.1) without parsing the others into objects. */

const EQUALS = 0x3d;

/** Name compared without case, as the nginx dialect does; the first of that name wins; null when there is none. */
export function cookieValue(cookies: string, name: string): string | null {
  const wanted = name.toLowerCase();
  let start = 0;
  while (start < cookies.length) {
    let end = cookies.indexOf(';', start);
    if (end === -1) end = cookies.length;
    while (start < end && (cookies.charCodeAt(start) === 32 || cookies.charCodeAt(start) === 9)) start++;
    // Within this pair only: a search to the end of the field, once for each pair, would be quadratic.
    const pair = cookies.slice(start, end);
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).toLowerCase() === wanted) return pair.slice(equals + 1).trimEnd();
    start = end + 1;
  }
  return null;
}

/** Name compared with case; the last of that name wins; null when there is none. */
export function lastCookieValue(cookies: string, name: string): string | null {
  let end = cookies.length;
  while (end > 0) {
    const start = cookies.lastIndexOf(';', end - 1) + 1;
    const pair = cookies.slice(start, end).trim();
    if (pair.startsWith(name) && pair.charCodeAt(name.length) === EQUALS) return pair.slice(name.length + 1);
    end = start - 1;
  }
  return null;
}
