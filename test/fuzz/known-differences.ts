/** Where we accept what llhttp refuses or reads differently, on purpose. Everything else of that kind is a failure. */

export const TAB_LABEL = 'a tab behind a value that llhttp interprets';

export interface KnownDifference {
  readonly label: string;
  /** Whether the difference can be the cause: `text` begins with the message, `reason` is why llhttp refused, or ''. */
  readonly explains: (text: string, reason: string) => boolean;
}

const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    // Trailers never change the framing (RFC 9110 §6.5.1); we drop them, llhttp goes on interpreting them.
    label: 'a framing field in the trailers',
    explains: (text, reason) => /Content-Length|Transfer-Encoding|Connection/.test(reason) && hasTrailer(text),
  },
  {
    // OWS is SP or HTAB (RFC 9110 §5.6.3); behind a value llhttp knows only SP.
    label: TAB_LABEL,
    explains: (text, reason) => isFramingReason(reason) && TAB_BEHIND_VALUE.test(text),
  },
  {
    // Equal repetitions in a response are collapsed (RFC 9110 §8.6).
    label: 'equal Content-Length repeated',
    explains: (text, reason) => reason === 'Duplicate Content-Length' && text.startsWith('HTTP/'),
  },
];

export const TAB_BEHIND_VALUE: RegExp = /\r\n(content-length|transfer-encoding|connection):[^\r]*\t *\r/i;

function isFramingReason(reason: string): boolean {
  return /Content-Length|Transfer-Encoding/.test(reason);
}

/** Never a field of HTTP; llhttp reads it as Connection. */
export const PROXY_CONNECTION: RegExp = /\r\nproxy-connection:/i;

function hasTrailer(text: string): boolean {
  return /\r\n0+(;[^\r]*)?\r\n(?:[^\r]*\r\n)*?(content-length|transfer-encoding|(proxy-)?connection):/i.test(text);
}

/** @returns the label, or null when nothing explains the difference */
export function knownDifference(text: string, reason: string): string | null {
  return KNOWN_DIFFERENCES.find((difference) => difference.explains(text, reason))?.label ?? null;
}
