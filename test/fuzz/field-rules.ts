/**
 * The rules of message heads and of the chunked coding once more, written as regular expressions over text and sharing no
 * code with `src/`: they name why a message had to be refused, or that there was no reason to.
 */

export interface Field {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** Every rule by which we may be stricter than llhttp. A refusal that none of them explains is a failure. */
export type Rule =
  | 'more than two empty lines'
  | 'bare LF'
  | 'bare CR'
  | 'no request line'
  | 'method length'
  | 'version'
  | 'CONNECT or TRACE'
  | 'target bytes'
  | 'target form'
  | 'target path'
  | 'target length'
  | 'head length'
  | 'number of fields'
  | 'first byte'
  | 'status line'
  | 'status'
  | 'line folding'
  | 'no colon'
  | 'field name'
  | 'field value'
  | 'Content-Length form'
  | 'repeated Content-Length'
  | 'Transfer-Encoding other than chunked'
  | 'repeated Transfer-Encoding'
  | 'Transfer-Encoding with Content-Length'
  | 'Transfer-Encoding in HTTP/1.0'
  | 'Host missing or repeated'
  | 'Host form'
  | 'Host other than in the target'
  | 'Connection length'
  | 'Connection names a protected field'
  | 'Upgrade with a body'
  | 'switch without offer'
  | 'number of interim responses'
  | 'interim response with a body'
  | 'chunk size'
  | 'chunk extension'
  | 'chunk end'
  | 'trailers';

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD_NAME = new RegExp(`^${TOKEN}$`);
const EXTENSIONS = new RegExp(
  `^(;${TOKEN}(=(${TOKEN}|"([\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t -\\x7e\\x80-\\xff])*"))?)*$`,
);
const MAX_SIZE_DIGITS = 13;
const MAX_EXTENSION_BYTES = 256;
const MAX_TRAILER_BYTES = 8_192;

/** Splits the field lines of a head (each ends in CRLF), or names the rule the first bad one breaks. */
export function fieldsOf(lines: string): readonly Field[] | Rule {
  const fields: Field[] = [];
  for (const line of lines.split('\r\n').slice(0, -1)) {
    const rule = ruleOfLine(line);
    if (rule !== null) return rule;
    const colon = line.indexOf(':');
    fields.push({
      name: line.slice(0, colon).toLowerCase(),
      value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''),
    });
  }
  return fields;
}

function ruleOfLine(line: string): Rule | null {
  if (line.includes('\n')) return 'bare LF';
  if (line.includes('\r')) return 'bare CR';
  if (/^[ \t]/.test(line)) return 'line folding';
  const colon = line.indexOf(':');
  if (colon === -1) return 'no colon';
  if (!FIELD_NAME.test(line.slice(0, colon))) return 'field name';
  return /^[\t -\x7e\x80-\xff]*$/.test(line.slice(colon + 1)) ? null : 'field value';
}

export function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value);
}

/** Rules on the two framing fields that requests and responses have in common. */
export function ruleOfFraming(fields: readonly Field[]): Rule | null {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (lengths.some((value) => !/^(0|[1-9]\d{0,14})$/.test(value))) return 'Content-Length form';
  if (codings.some((value) => value.toLowerCase() !== 'chunked')) return 'Transfer-Encoding other than chunked';
  return codings.length > 1 ? 'repeated Transfer-Encoding' : null;
}

/** Reads chunked bodies as far as they go. Null: nothing to refuse, be it complete or not. */
export function ruleOfChunked(body: string): Rule | null {
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r', at);
    const line = lineEnd === -1 ? body.slice(at) : body.slice(at, lineEnd);
    const digits = /^[0-9A-Fa-f]*/.exec(line)?.[0] ?? '';
    const extensions = line.slice(digits.length);
    if (digits.length > MAX_SIZE_DIGITS) return 'chunk size';
    if (digits === '') return line === '' && lineEnd === -1 ? null : 'chunk size';
    if (extensions !== '' && !extensions.startsWith(';')) return 'chunk size';
    if (extensions.length > MAX_EXTENSION_BYTES + 1) return 'chunk extension';
    if (lineEnd === -1) return isExtensionStart(extensions) ? null : 'chunk extension';
    if (!EXTENSIONS.test(extensions)) return 'chunk extension';
    if (lineEnd + 1 === body.length) return null;
    if (body[lineEnd + 1] !== '\n') return 'bare CR';
    const size = Number.parseInt(digits, 16);
    if (size === 0) return ruleOfTrailers(body.slice(lineEnd + 2));
    at = lineEnd + 2 + size;
    if (at >= body.length) return null;
    if (!'\r\n'.startsWith(body.slice(at, at + 2))) return 'chunk end';
    at += 2;
    if (at >= body.length) return null;
  }
}

/** Whether some continuation makes these extensions well formed. */
function isExtensionStart(extensions: string): boolean {
  return ['', 'a', '"', 'a"'].some((end) => EXTENSIONS.test(extensions + end));
}

function ruleOfTrailers(text: string): Rule | null {
  const end = `\r\n${text}`.indexOf('\r\n\r\n');
  const section = end === -1 ? text : text.slice(0, end);
  if (section.length > MAX_TRAILER_BYTES) return 'trailers';
  const lines = section.split('\r\n');
  const unfinished = end === -1 ? (lines.pop() as string) : '';
  if (end !== -1 && lines.at(-1) === '') lines.pop();
  if (lines.some((line) => ruleOfLine(line) !== null)) return 'trailers';
  return isTrailerStart(unfinished) ? null : 'trailers';
}

function isTrailerStart(line: string): boolean {
  return (
    line === '' ||
    ['', '\n', ':', 'a:'].some((end) => line === '\r' || ruleOfLine((line + end).replace(/\r\n?$/, '')) === null)
  );
}
