/**
 * Reads the response to a health probe with the grammar that responses to clients are held to, and says whether its connection
 * may serve another one. If not, what comes behind the response is nobody's business.
 */
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts';
import { HEAD_INCOMPLETE } from './head-end.ts';
import { BODY_CHUNKED, BODY_NONE } from './request-head.ts';
import { BODY_UNTIL_CLOSE, HEAD_INVALID, ResponseHead } from './response-head.ts';
import { ResponseHeadReader } from './response-head-reader.ts';

const MAX_FIELDS = 256;
const PROTOCOL = Buffer.from('HTTP/1.');

/** One parses at a time: what counts of a head is copied at once. */
const parsed = new ResponseHead(MAX_FIELDS);

export class ProbeResponse implements ChunkSink {
  /** Of the final response; 0 until its head is read. */
  status: number;
  bodyBytes: number;
  /** Empty unless asked for. */
  readonly body: Buffer[];
  /** Of a complete response: for how long its connection may be kept, as far as the endpoint says; 0 = not at all. */
  keepMs: number;
  #toHead: boolean;
  #keepsBody: boolean;
  readonly #reader: ResponseHeadReader;
  #isFirst: boolean;
  #kind: number;
  /** Of a body of announced length. */
  #remaining: number;
  #chunks: ChunkedDecoder | null;

  constructor() {
    this.status = 0;
    this.bodyBytes = 0;
    this.body = [];
    this.keepMs = 0;
    this.#toHead = false;
    this.#keepsBody = false;
    this.#reader = new ResponseHeadReader(parsed);
    this.#isFirst = true;
    this.#kind = BODY_NONE;
    this.#remaining = 0;
    this.#chunks = null;
  }

  /** The next response on the connection comes. */
  begin(toHead: boolean, keepsBody: boolean): void {
    this.#toHead = toHead;
    this.#keepsBody = keepsBody;
    this.status = 0;
    this.bodyBytes = 0;
    if (this.body.length > 0) this.body.length = 0;
    this.keepMs = 0;
    this.#isFirst = true;
    this.#kind = BODY_NONE;
    this.#remaining = 0;
  }

  /** May move bytes of `buffer`, of which `[0, length)` was read. */
  read(buffer: Buffer, length: number): 'incomplete' | 'complete' | 'broken' {
    let at = 0;
    if (this.#isFirst) {
      // Whoever greets in another protocol would otherwise cost the whole time limit.
      if (!mayBeHttp(buffer, length)) return 'broken';
      this.#isFirst = false;
    }
    while (this.status === 0) {
      const bodyStart = this.#reader.read(buffer, at, length, this.#toHead);
      if (bodyStart === HEAD_INVALID) return 'broken';
      if (bodyStart === HEAD_INCOMPLETE) return 'incomplete';
      at = bodyStart;
      // Nobody asked for another protocol.
      if (parsed.status === 101) return 'broken';
      if (parsed.status >= 200) this.#begin();
    }
    return this.#readBody(buffer, at, length);
  }

  /** The connection ended. Whether that is where the response ends. */
  end(): boolean {
    return this.status !== 0 && this.#kind === BODY_UNTIL_CLOSE;
  }

  onChunkData(buffer: Buffer, start: number, end: number): void {
    this.bodyBytes += end - start;
    if (this.#keepsBody) this.body.push(Buffer.from(buffer.subarray(start, end)));
  }

  #begin(): void {
    this.status = parsed.status;
    if (parsed.keepAlive) {
      this.keepMs = parsed.keepAliveSeconds === 0 ? Number.POSITIVE_INFINITY : parsed.keepAliveSeconds * 1_000;
    }
    this.#kind = parsed.body;
    this.#remaining = parsed.contentLength;
    if (this.#kind !== BODY_CHUNKED) return;
    if (this.#chunks === null) this.#chunks = new ChunkedDecoder();
    else this.#chunks.reset();
  }

  #readBody(buffer: Buffer, start: number, length: number): 'incomplete' | 'complete' | 'broken' {
    const kind = this.#kind;
    if (kind === BODY_NONE) return this.#complete(start, length);
    if (kind === BODY_CHUNKED) {
      const chunks = this.#chunks as ChunkedDecoder;
      const end = chunks.decode(buffer, start, length, this);
      if (end === -1) return 'broken';
      return chunks.done ? this.#complete(end, length) : 'incomplete';
    }
    const end = kind === BODY_UNTIL_CLOSE ? length : Math.min(length, start + this.#remaining);
    this.#remaining -= end - start;
    this.onChunkData(buffer, start, end);
    return kind !== BODY_UNTIL_CLOSE && this.#remaining === 0 ? this.#complete(end, length) : 'incomplete';
  }

  #complete(end: number, length: number): 'complete' {
    // Bytes behind it would be taken for the next response.
    if (end < length) this.keepMs = 0;
    return 'complete';
  }
}

function mayBeHttp(buffer: Buffer, length: number): boolean {
  const known = Math.min(length, PROTOCOL.length);
  for (let at = 0; at < known; at++) if (buffer[at] !== PROTOCOL[at]) return false;
  return true;
}
