/** Makes any text safe on one line of a terminal or a log file (CWE-117): control characters become visible escapes. */

// C0, DEL, C1, line and paragraph separators, and the marks that reorder what a terminal shows.
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? toEscape(character.charCodeAt(0)));
}

function toEscape(code: number): string {
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
