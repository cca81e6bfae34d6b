/**
 * Writes response heads as HEADERS frames: names in lower case, `:status` first, and nothing of the back end's connection
 * (RFC 9113 §8.2, §8.3.2). One per connection, because the coding is.
 * Hot.
 */
import type { CoarseClock } from '../coarse-clock.ts';
import type { LocalResponse } from '../error-response.ts';
import { PASS } from '../http1/field-table.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { FrameWriter } from './frame-writer.ts';
import { encodedBound, HpackEncoder } from './hpack/hpack-encoder.ts';
import { writeTrailers } from './trailer-writer.ts';

/** `Date: `, and the CRLF at the end of the line. */
const DATE_NAME_CHARS = 6;
const CRLF_CHARS = 2;
/** Status, server, date, and a size update of the table. */
const OWN_FIELDS_BYTES = 160;

export class ResponseEncoder {
  readonly hpack: HpackEncoder;
  readonly #writer: FrameWriter;
  readonly #clock: CoarseClock;

  constructor(writer: FrameWriter, clock: CoarseClock) {
    this.hpack = new HpackEncoder();
    this.#writer = writer;
    this.#clock = clock;
  }

  // Each but the last returns where the frame stands, for `FrameWriter.endStreamAt`.

  response(streamId: number, head: ResponseHead): number {
    const start = this.#begin(boundOf(head));
    let at = this.#status(start, head.status);
    // 205 promises that there is no content; a length beside it would be one that is not kept.
    at = this.#passing(at, head, head.status === 205);
    if (head.own.length !== 0) at = this.#own(at, head.own);
    if (!head.hasServer) at = this.#field(at, 'server', 'sluice');
    if (!head.hasDate) at = this.#field(at, 'date', this.#date());
    return this.#writer.endBlock(streamId, start, at, false);
  }

  /** A 1xx head. */
  informational(streamId: number, head: ResponseHead): number {
    const start = this.#begin(boundOf(head));
    const at = this.#passing(this.#status(start, head.status), head, true);
    return this.#writer.endBlock(streamId, start, at, false);
  }

  /** The answer to an extended CONNECT: what was 101 over HTTP/1.1 (RFC 8441 §5). */
  tunnel(streamId: number, head: ResponseHead): number {
    const start = this.#begin(boundOf(head));
    let at = this.#passing(this.#status(start, 200), head, true);
    if (head.own.length !== 0) at = this.#own(at, head.own);
    if (!head.hasServer) at = this.#field(at, 'server', 'sluice');
    if (!head.hasDate) at = this.#field(at, 'date', this.#date());
    return this.#writer.endBlock(streamId, start, at, false);
  }

  local(streamId: number, { status, fields }: LocalResponse): number {
    const lines = fields.split('\r\n');
    const start = this.#begin(fields.length + lines.length * encodedBound(0, 0));
    let at = this.#status(start, status);
    for (const line of lines) {
      const colon = line.indexOf(': ');
      if (colon > 0) at = this.#field(at, line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
    }
    at = this.#field(at, 'server', 'sluice');
    at = this.#field(at, 'date', this.#date());
    return this.#writer.endBlock(streamId, start, at, false);
  }

  /** The fields behind a body, which end the stream. */
  trailers(streamId: number, fields: readonly string[]): void {
    writeTrailers(this.#writer, this.hpack, streamId, fields);
  }

  /** What belongs to one connection was dropped when the head was judged, except for a field only HTTP/2 knows as such. */
  #passing(position: number, { fields }: ResponseHead, withoutLength: boolean): number {
    let at = position;
    for (let index = 0; index < fields.count; index++) {
      if (fields.kinds[index] !== PASS) continue;
      const name = fields.name(index).toLowerCase();
      if (isOfHandshake(name) || (withoutLength && name === 'content-length')) continue;
      at = this.#field(at, name, fields.value(index));
    }
    return at;
  }

  #own(position: number, fields: readonly string[]): number {
    let at = position;
    for (let index = 0; index < fields.length; index += 2) {
      at = this.#field(at, (fields[index] as string).toLowerCase(), fields[index + 1] as string);
    }
    return at;
  }

  #begin(bytes: number): number {
    return this.#writer.beginBlock(bytes + OWN_FIELDS_BYTES);
  }

  #status(start: number, status: number): number {
    return this.hpack.status(this.#writer.target, this.hpack.begin(this.#writer.target, start), status);
  }

  #field(position: number, name: string, value: string): number {
    return this.hpack.field(this.#writer.target, position, name, value);
  }

  #date(): string {
    return this.#clock.dateLine.slice(DATE_NAME_CHARS, -CRLF_CHARS);
  }
}

/** The most bytes that what the back end says, and what we say beside it, can take. */
function boundOf({ fields, own }: ResponseHead): number {
  let bytes = fields.text.length + fields.count * encodedBound(0, 0);
  for (let at = 0; at < own.length; at += 2) {
    bytes += encodedBound((own[at] as string).length, (own[at + 1] as string).length);
  }
  return bytes;
}

/** Of one connection that speaks HTTP/1.1, and of no use over HTTP/2. */
function isOfHandshake(name: string): boolean {
  return name === 'http2-settings' || name === 'sec-websocket-accept';
}
