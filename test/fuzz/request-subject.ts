/** Our reading of a client's byte stream: the real `RequestReader` and `RequestHead` behind a sink that only takes notes. */
import { isInlineBody } from '../../src/proxy/handle-request.ts';
import { INLINE_BODY_BYTES } from '../../src/proxy/http1/limits.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, RequestHead } from '../../src/proxy/http1/request-head.ts';
import { READ_NOTHING, RequestReader, type RequestSink } from '../../src/proxy/http1/request-reader.ts';
import type { WorkerContext } from '../../src/proxy/worker-context.ts';
import type { HeadLimits } from './request-rules.ts';
import { CLOSED, OPEN, ParsedMessage, REFUSED, Trace } from './trace.ts';

/** Small, so that limits are met by short inputs. */
export const LIMITS: HeadLimits = { maxHeadBytes: 1_536, maxTargetBytes: 256, maxFields: 16 };

const STALE = Buffer.from('\r\n\r\nGET /stale HTTP/1.1\r\nHost: stale\r\nContent-Length: 3\r\n\r\n');

export class RequestSubject implements RequestSink {
  lastHost: string;
  /** Heads as they would go to a back end, made complete by a body; only kept when asked for. */
  readonly forwarded: string[];
  keepForwarded: boolean;
  readonly #worker: WorkerContext;
  readonly #head: RequestHead;
  #reader: RequestReader;
  #trace: Trace;
  /** Bytes of the stream given to the reader so far. */
  #fed: number;
  /** What came behind a complete request. */
  #behind: Buffer | null;
  /** The request is answered at once, so that the reader goes on inside one `feed`. */
  #answerAtOnce: boolean;

  constructor(limits: HeadLimits = LIMITS) {
    this.lastHost = '';
    this.#head = new RequestHead(limits.maxFields, limits.maxTargetBytes);
    this.#worker = { settings: limits, requestHead: this.#head } as unknown as WorkerContext;
    this.#reader = new RequestReader(this.#worker, this);
    this.#trace = new Trace();
    this.#fed = 0;
    this.#behind = null;
    this.#answerAtOnce = false;
    this.forwarded = [];
    this.keepForwarded = false;
  }

  /** @param cuts ascending positions at which the stream is split into segments */
  run(bytes: Buffer, cuts: readonly number[], answerAtOnce: boolean): Trace {
    this.#reader = new RequestReader(this.#worker, this);
    this.#trace = new Trace();
    this.#fed = 0;
    this.#answerAtOnce = answerAtOnce;
    this.forwarded.length = 0;
    this.lastHost = '';
    let start = 0;
    for (const cut of cuts) {
      this.#feed(bytes.subarray(start, cut));
      start = cut;
    }
    this.#feed(bytes.subarray(start));
    return this.#trace;
  }

  onHeadBegun(): void {
    if (this.#trace.current !== null) throw new Error('a head begins inside a message');
  }

  onHead(head: RequestHead, bytes: Buffer, start: number, end: number): number {
    this.lastHost = head.host;
    const message = new ParsedMessage(head.method, head.target, head.keepAlive);
    if (this.#trace.current !== null) throw new Error('a message begins inside another');
    this.#trace.messages.push(message);
    if (this.keepForwarded) this.forwarded.push(forwardedMessage(head));
    if (head.body !== BODY_NONE && !isInlineBody(head, end - start, INLINE_BODY_BYTES)) {
      this.#reader.expectBody(head.body, head.contentLength);
      return 0;
    }
    const inline = head.body === BODY_NONE ? 0 : head.contentLength;
    message.addBody(bytes, start, start + inline);
    this.#reader.wait();
    this.#complete(message);
    return inline;
  }

  onBodyData(buffer: Buffer, start: number, end: number): void {
    const message = this.#trace.current;
    if (message === null) throw new Error('body bytes outside of a message');
    message.addBody(buffer, start, end);
  }

  onBodyEnd(): void {
    const message = this.#trace.current;
    if (message === null) throw new Error('the end of a body outside of a message');
    this.#complete(message);
  }

  onUnreadable(status: number): void {
    if (this.#trace.ending !== OPEN) throw new Error('refused after the end');
    this.#trace.ending = REFUSED;
    this.#trace.reason = String(status);
  }

  onBytesBehind(bytes: Buffer): void {
    if (this.#behind !== null) throw new Error('bytes behind a request came twice');
    this.#behind = Buffer.from(bytes);
  }

  #complete(message: ParsedMessage): void {
    message.complete = true;
    if (!message.keepAlive) this.#trace.ending = CLOSED;
    else if (this.#answerAtOnce) this.#reader.expectHead();
  }

  /** What a connection does with a read: requests one after the other, until one is incomplete. */
  #feed(segment: Buffer): void {
    if (this.#trace.ending !== OPEN || segment.length === 0) return;
    this.#fed += segment.length;
    let rest: Buffer | null = segment;
    while (rest !== null) {
      this.#behind = null;
      this.#reader.feed(toRead(rest), rest.length);
      rest = this.#behind;
      this.#placeEnd(rest);
      if (this.#trace.ending !== OPEN || this.#reader.state !== READ_NOTHING) return;
      this.#reader.expectHead();
    }
  }

  /** With every request answered later, the reader stops behind each one, and where it stopped is known. */
  #placeEnd(behind: Buffer | null): void {
    const last = this.#trace.last;
    if (this.#answerAtOnce || last === null || !last.complete || last.end !== -1) return;
    if (this.#trace.ending !== REFUSED) last.end = this.#fed - (behind?.length ?? 0);
  }
}

/** A copy, as the decoder may move bytes; behind it stands what an earlier and longer read has left. */
function toRead(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, STALE]);
}

function forwardedMessage(head: RequestHead): string {
  if (head.body === BODY_CHUNKED) return `${head.toForwardedHead()}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  const body =
    head.body === BODY_LENGTH && head.contentLength <= INLINE_BODY_BYTES ? 'b'.repeat(head.contentLength) : '';
  return `${head.toForwardedHead()}\r\n${body}`;
}
