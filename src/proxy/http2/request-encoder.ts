/**
 * Writes the request of an exchange as a HEADERS frame: pseudo-fields from its start line, names in lower case, nothing
 * that belongs to a connection of HTTP/1.1 (RFC 9113 §8.2.2, §8.3.1). One per connection, because the coding is.
 * Hot.
 */
import type { FrameWriter } from './frame-writer.ts';
import { encodedBound, HpackEncoder } from './hpack/hpack-encoder.ts';
import { writeTrailers } from './trailer-writer.ts';

/** A space and the version at the end of the request line. */
const VERSION_CHARS = ' HTTP/1.1'.length;
const SEPARATOR_CHARS = ': '.length;
const CRLF_CHARS = 2;
/** A size update of the table, and names that are not in the text. */
const OWN_FIELDS_BYTES = 256;
/** Bytes of an encoded field beyond those of its line. */
const LINE_OVERHEAD = encodedBound(0, 0);
/** The shortest line: a name of one character, the separator, no value, CRLF. */
const SHORTEST_LINE = 5;

export class RequestEncoder {
  readonly hpack: HpackEncoder;
  readonly #writer: FrameWriter;
  readonly #scheme: string;

  constructor(writer: FrameWriter, encrypted: boolean) {
    this.hpack = new HpackEncoder();
    this.#writer = writer;
    this.#scheme = encrypted ? 'https' : 'http';
  }

  /**
   * @param text a head as `handle-request.ts` writes it: `name: value CRLF` and nothing else
   * @param headEnd where the CRLF CRLF that ends it begins
   * @returns where the frame stands, for `FrameWriter.endStreamAt`
   */
  request(streamId: number, text: string, headEnd: number, acceptsTrailers: boolean): number {
    const lineEnd = text.indexOf('\r\n');
    const methodEnd = text.indexOf(' ');
    const start = this.#writer.beginBlock(headEnd + (headEnd / SHORTEST_LINE) * LINE_OVERHEAD + OWN_FIELDS_BYTES);
    let at = this.hpack.begin(this.#writer.target, start);
    at = this.#field(at, ':method', text.slice(0, methodEnd));
    at = this.#field(at, ':scheme', this.#scheme);
    const host = findHost(text, lineEnd + CRLF_CHARS, headEnd);
    if (host !== '') at = this.#field(at, ':authority', host);
    at = this.#field(at, ':path', text.slice(methodEnd + 1, lineEnd - VERSION_CHARS));
    at = this.#fields(at, text, lineEnd + CRLF_CHARS, headEnd);
    if (acceptsTrailers) at = this.#field(at, 'te', 'trailers');
    return this.#writer.endBlock(streamId, start, at, false);
  }

  /** The fields behind a body, which end the stream. */
  trailers(streamId: number, fields: readonly string[]): void {
    writeTrailers(this.#writer, this.hpack, streamId, fields);
  }

  #fields(position: number, text: string, start: number, headEnd: number): number {
    let at = position;
    for (let line = start; line < headEnd; ) {
      const colon = text.indexOf(': ', line);
      const end = text.indexOf('\r\n', colon);
      const name = text.slice(line, colon).toLowerCase();
      if (!isOfConnection(name)) at = this.#field(at, name, text.slice(colon + SEPARATOR_CHARS, end));
      line = end + CRLF_CHARS;
    }
    return at;
  }

  #field(position: number, name: string, value: string): number {
    return this.hpack.field(this.#writer.target, position, name, value);
  }
}

/** `Host` is nearly always the first line. */
function findHost(text: string, start: number, headEnd: number): string {
  for (let line = start; line < headEnd; ) {
    const colon = text.indexOf(': ', line);
    const end = text.indexOf('\r\n', colon);
    if (colon - line === 4 && text.slice(line, colon).toLowerCase() === 'host') {
      return text.slice(colon + SEPARATOR_CHARS, end);
    }
    line = end + CRLF_CHARS;
  }
  return '';
}

/** What has another form in HTTP/2, or none. */
function isOfConnection(name: string): boolean {
  switch (name) {
    case 'host':
    case 'connection':
    case 'upgrade':
    case 'transfer-encoding':
    case 'keep-alive':
    case 'proxy-connection':
    case 'http2-settings':
    case 'te':
      return true;
    default:
      return false;
  }
}
