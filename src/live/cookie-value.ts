/** Reads one cookie out of a `Cookie` field (RFC 6265 §4.2.1) without parsing the others into objects. */

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
