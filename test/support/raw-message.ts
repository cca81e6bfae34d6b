/**
 * A second, independent reader of HTTP/1.1 messages for tests: takes complete messages off the front of a byte buffer.
 * It is strict and simple, and shares no code with `src/`.
 */

export interface RawMessage {
  readonly startLine: string;
  /** In order, names as sent. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** Start line and fields as they were on the wire, with the empty line. */
  readonly head: string;
  /** How the end of the body was known. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
}

export interface ReadResult {
  readonly message: RawMessage;
  readonly used: number;
}

/** A head and where its body begins; null while it is incomplete. */
export function readHead(bytes: Buffer): ReadResult | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = bytes.toString('latin1', 0, end + 4);
  const [startLine = '', ...lines] = head.slice(0, end).split('\r\n');
  const fields = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    if (colon < 1 || /[\s\0]/.test(line.slice(0, colon))) throw new Error(`bad field line ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
  return { message: { startLine, fields, body: Buffer.alloc(0), head, framing: 'none' }, used: end + 4 };
}

/** All values of a field, joined; null when it is absent. */
export function fieldOf(message: RawMessage, name: string): string | null {
  const values = message.fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? null : values.join(', ');
}

/** A request with its body; null while it is incomplete. */
export function readRequest(bytes: Buffer): ReadResult | null {
  const read = readHead(bytes);
  return read === null ? null : readFramed(read, bytes, 'none');
}

/**
 * A response with its body; null while it is incomplete.
 * @param ended whether the peer has closed cleanly, which completes a body without announced length
 */
export function readResponse(bytes: Buffer, toHead: boolean, ended: boolean): ReadResult | null {
  const read = readHead(bytes);
  if (read === null) return null;
  const status = statusOf(read.message);
  if (toHead || status < 200 || status === 204 || status === 304) return read;
  const framed = readFramed(read, bytes, 'close');
  return framed?.message.framing === 'close' && !ended ? null : framed;
}

export function statusOf(message: RawMessage): number {
  const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(message.startLine);
  if (match === null) throw new Error(`bad status line ${JSON.stringify(message.startLine)}`);
  return Number(match[1]);
}

function readFramed(read: ReadResult, bytes: Buffer, unframed: 'none' | 'close'): ReadResult | null {
  const { message, used } = read;
  const coding = fieldOf(message, 'transfer-encoding');
  const announced = fieldOf(message, 'content-length');
  if (coding !== null && announced !== null) throw new Error('both Transfer-Encoding and Content-Length');
  if (coding !== null) {
    if (coding !== 'chunked') throw new Error(`unknown coding ${coding}`);
    return readChunked(read, bytes);
  }
  if (announced !== null) {
    if (!/^\d+$/.test(announced)) throw new Error(`bad Content-Length ${announced}`);
    const end = used + Number(announced);
    if (bytes.length < end) return null;
    return { message: { ...message, body: bytes.subarray(used, end), framing: 'length' }, used: end };
  }
  if (unframed === 'none') return read;
  return { message: { ...message, body: bytes.subarray(used), framing: 'close' }, used: bytes.length };
}

function readChunked({ message, used }: ReadResult, bytes: Buffer): ReadResult | null {
  const pieces: Buffer[] = [];
  let at = used;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/.test(line)) throw new Error(`bad chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return null;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw new Error('chunk does not end with CRLF');
    if (size === 0) return { message: { ...message, body: Buffer.concat(pieces), framing: 'chunked' }, used: end + 2 };
    pieces.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
