/** The header fields of a copy, from the head that was made for the back end. */

/** Of one connection or of the framing, and `Host`, which is that of the target. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Tells copies from requests; one that carries it is not mirrored again. */
export const MIRROR_FIELD = 'x-sluice-mirror';

/**
 * Names and values in turn.
 * @param head our own text: request line, `name: value CRLF` lines, an empty line, perhaps a body
 */
export function toCopiedFields(head: string, host: string): string[] {
  const fields = ['Host', host];
  let start = head.indexOf('\r\n') + 2;
  for (;;) {
    const end = head.indexOf('\r\n', start);
    if (end <= start) break;
    const colon = head.indexOf(':', start);
    const name = head.slice(start, colon);
    const lowerCaseName = name.toLowerCase();
    if (!NOT_COPIED.has(lowerCaseName) && lowerCaseName !== MIRROR_FIELD) {
      fields.push(name, head.slice(colon + 1, end).trim());
    }
    start = end + 2;
  }
  fields.push('X-Sluice-Mirror', '1');
  return fields;
}
