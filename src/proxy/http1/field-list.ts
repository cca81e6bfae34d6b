/** Comma-separated field values (RFC 9110 §5.6.1): whole tokens, case-insensitive. Cold: only unusual heads come here. */

/** Lower-cased elements without surrounding SP and HTAB; empty elements are ignored. Quoted strings are not expected. */
export function toTokens(value: string): readonly string[] {
  const tokens: string[] = [];
  for (const part of value.split(',')) {
    const token = trimBlanks(part).toLowerCase();
    if (token !== '') tokens.push(token);
  }
  return tokens;
}

/** Strips SP and HTAB only; `String.trim` would also take VT, FF, NBSP and more (RFC 9110 §5.6.3). */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
