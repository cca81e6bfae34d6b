/**
 * Reads the response to a health probe with the grammar that responses to clients are held to, and says whether its connection
 * may serve another one. If not, what comes behind the response is nobody's business.
 */
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts';
import { BODY_CHUNKED, BODY_NONE } from './request-head.ts';
import { BODY_UNTIL_CLOSE, ResponseHead } from './response-head.ts';
import { HEAD_INCOMPLETE, HEAD_INVALID, ResponseHeadReader } from './response-head-reader.ts';

const MAX_FIELDS = 256;
const PROTOCOL = 'HTTP/1.';

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
  readonly #toHead: boolean;
  readonly #keepsBody: boolean;
  readonly #reader: ResponseHeadReader;
  #isFirst: boolean;
  #kind: number;
  /** Of a body of announced length. */
  #remaining: number;
  #chunks: ChunkedDecoder | null;

  constructor(toHead: boolean, keepsBody: boolean) {
    this.status = 0;
    this.bodyBytes = 0;
    this.body = [];
    this.keepMs = 0;
    this.#toHead = toHead;
    this.#keepsBody = keepsBody;
    this.#reader = new ResponseHeadReader(parsed);
    this.#isFirst = true;
    this.#kind = BODY_NONE;
    this.#remaining = 0;
    this.#chunks = null;
  }

  /** May move bytes of `buffer`. */
  read(buffer: Buffer): 'incomplete' | 'complete' | 'broken' {
    let at = 0;
    if (this.#isFirst) {
      // Whoever greets in another protocol would otherwise cost the whole time limit.
      const start = buffer.toString('latin1', 0, PROTOCOL.length);
      if (!PROTOCOL.startsWith(start)) return 'broken';
      this.#isFirst = false;
    }
    while (this.status === 0) {
      const bodyStart = this.#reader.read(buffer, at, buffer.length, this.#toHead);
      if (bodyStart === HEAD_INVALID) return 'broken';
      if (bodyStart === HEAD_INCOMPLETE) return 'incomplete';
      at = bodyStart;
      // Nobody asked for another protocol.
      if (parsed.status === 101) return 'broken';
      if (parsed.status >= 200) this.#begin();
    }
    return this.#readBody(buffer, at);
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
    if (this.#kind === BODY_CHUNKED) this.#chunks = new ChunkedDecoder();
  }

  #readBody(buffer: Buffer, start: number): 'incomplete' | 'complete' | 'broken' {
    const kind = this.#kind;
    if (kind === BODY_NONE) return this.#complete(buffer, start);
    const chunks = this.#chunks;
    if (chunks !== null) {
      const end = chunks.decode(buffer, start, buffer.length, this);
      if (end === -1) return 'broken';
      return chunks.done ? this.#complete(buffer, end) : 'incomplete';
    }
    const end = kind === BODY_UNTIL_CLOSE ? buffer.length : Math.min(buffer.length, start + this.#remaining);
    this.#remaining -= end - start;
    this.onChunkData(buffer, start, end);
    return kind !== BODY_UNTIL_CLOSE && this.#remaining === 0 ? this.#complete(buffer, end) : 'incomplete';
  }

  #complete(buffer: Buffer, end: number): 'complete' {
    // Bytes behind it would be taken for the next response.
    if (end < buffer.length) this.keepMs = 0;
    return 'complete';
  }
}
