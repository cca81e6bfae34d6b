/**
 * One exchange on an HTTP/2 connection to a back end: writes the request as far as the windows of the peer allow, judges
 * the response, and ends or resets the stream without harm to those beside it.
 * Hot: one object per request, and one for each body.
 */
import type { Exchange } from '../exchange.ts';
import { BODY_LENGTH, BODY_NONE } from '../http1/request-head.ts';
import { BODY_UNTIL_CLOSE } from '../http1/response-head.ts';
import { Outcome } from '../outcome.ts';
import type { UpstreamConnection } from '../upstream-transport.ts';
import type { WorkerContext } from '../worker-context.ts';
import type { ClientOutput } from './client-output.ts';
import { ErrorCode } from './frame-constants.ts';
import { IncomingBody, type IncomingBodyListener } from './incoming-body.ts';
import { OutgoingBody, type OutgoingBodyListener } from './outgoing-body.ts';
import { toResponseText } from './response-text.ts';
import { judgeTrailers } from './trailers.ts';

const HEAD_END = '\r\n\r\n';
const MAX_INFORMATIONAL = 32;

/** What a stream needs of its session. */
export interface ClientStreamOwner {
  readonly output: ClientOutput;
  /** Of a new stream, for what we send. */
  readonly initialWindow: number;
  /** Reads of the connection so far. */
  readonly reads: number;
  /** A response has come on it. */
  readonly served: boolean;
  /** Something was handed to the client's side: it is to be flushed when the read is done with. */
  touch(stream: Http2ClientStream): void;
  onStreamClosed(stream: Http2ClientStream): void;
  /** Nothing came on the connection while this stream waited in vain. */
  onSilence(): void;
}

export class Http2ClientStream implements UpstreamConnection, IncomingBodyListener, OutgoingBodyListener {
  /** 0 until the request is sent. */
  id: number;
  /** Waits to be flushed; only the session sets it. */
  isTouched: boolean;
  readonly #worker: WorkerContext;
  readonly #owner: ClientStreamOwner;
  #exchange: Exchange | null;
  #sending: OutgoingBody | null;
  /** Null until the final head has come. */
  #receiving: IncomingBody | null;
  #closed: boolean;
  /** All of the request was handed over; some of it may wait. */
  #requestComplete: boolean;
  /** END_STREAM was written. */
  #requestEnded: boolean;
  #requestTrailers: readonly string[] | null;
  /** The exchange was told to stop. */
  #awaitsDrain: boolean;
  #informational: number;
  #reused: boolean;
  #readsBefore: number;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;

  constructor(worker: WorkerContext, owner: ClientStreamOwner, exchange: Exchange) {
    this.id = 0;
    this.isTouched = false;
    this.#worker = worker;
    this.#owner = owner;
    this.#exchange = exchange;
    this.#sending = null;
    this.#receiving = null;
    this.#closed = false;
    this.#requestComplete = false;
    this.#requestEnded = false;
    this.#requestTrailers = null;
    this.#awaitsDrain = false;
    this.#informational = 0;
    this.#reused = false;
    this.#readsBefore = 0;
    this.#deadlineMs = worker.clock.nowMs + exchange.route.policy.connectTimeoutMs;
  }

  get mayBeRefused(): boolean {
    return true;
  }

  get ready(): boolean {
    return this.id !== 0 && !this.#closed;
  }

  // From the session.

  /** Sends the request. */
  start(id: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    const owner = this.#owner;
    const text = exchange.requestText;
    const headEnd = text.indexOf(HEAD_END);
    this.id = id;
    this.#reused = owner.served;
    this.#readsBefore = owner.reads;
    this.#deadlineMs = 0;
    const sending = new OutgoingBody(id, owner.initialWindow, owner.output.scheduler, this);
    this.#sending = sending;
    sending.noteHead(owner.output.encoder.request(id, text, headEnd, exchange.acceptsTrailers));
    if (text.length > headEnd + HEAD_END.length) {
      const body = Buffer.from(text.slice(headEnd + HEAD_END.length), 'latin1');
      sending.write(body, 0, body.length);
    }
    exchange.onConnectionReady(this);
  }

  /** HEADERS: an interim or final head, or trailers. */
  onFields(fields: readonly string[], endStream: boolean, oversized: boolean): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (oversized) this.#fail(Outcome.UpstreamInvalid, ErrorCode.Cancel);
    else if (this.#receiving === null) this.#onHead(exchange, fields, endStream);
    else this.#onTrailers(this.#receiving, fields, endStream);
  }

  /** A DATA frame begins. */
  onDataHead(payloadBytes: number): void {
    const receiving = this.#receiving;
    if (receiving === null || receiving.ended) this.onMalformed(ErrorCode.ProtocolError);
    else if (!receiving.receive(payloadBytes)) this.onMalformed(ErrorCode.FlowControlError);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#closed) return;
    if (this.#exchange?.awaitsUpstream === true) this.#expectProgress();
    this.#receiving?.data(buffer, start, end);
  }

  /** @param paddingBytes what of the frame was no data */
  onDataEnd(paddingBytes: number, endStream: boolean): void {
    if (this.#closed) return;
    if (paddingBytes > 0) this.#receiving?.consume(paddingBytes);
    if (endStream) this.#receiving?.end(null);
  }

  onReset(code: number): void {
    if (this.#isReceived) return;
    const sent = code !== ErrorCode.RefusedStream;
    const outcome = code === ErrorCode.Http11Required ? Outcome.UpstreamInvalid : this.#cutOutcome();
    // The connection lives: only a refusal says as little about the back end as a stale connection does.
    this.#end(outcome, sent, !sent && this.#reused);
  }

  /** GOAWAY said that this stream was not and will not be looked at (RFC 9113 §6.8). */
  onNotProcessed(): void {
    this.#end(Outcome.UpstreamClosed, false, this.#reused);
  }

  /** The connection failed to open. */
  onConnectFailed(outcome: Outcome): void {
    this.#end(outcome, false, false);
  }

  /** The connection is gone. Stale: it had served before, and nothing came after this request was sent. */
  onConnectionLost(): void {
    if (this.#isReceived) return;
    this.#end(this.#cutOutcome(), true, this.#reused && this.#owner.reads === this.#readsBefore);
  }

  /** What came on the connection, not on this stream, was no HTTP/2. */
  onConnectionInvalid(): void {
    if (!this.#isReceived) this.#end(Outcome.UpstreamInvalid, true, false);
  }

  /** What came on this stream broke a rule. */
  onMalformed(code: number): void {
    this.#fail(Outcome.UpstreamInvalid, code);
  }

  /** @returns false when the window would become too large */
  grow(increment: number): boolean {
    return this.#sending?.grow(increment) ?? true;
  }

  flush(): void {
    const exchange = this.#exchange;
    if (exchange === null || !exchange.responseStarted || exchange.downstream.flushResponse()) return;
    // Now it is the client who has to make progress; its connection has the deadline.
    this.#deadlineMs = 0;
    this.#receiving?.pause();
  }

  onTick(nowMs: number): void {
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    if (this.id === 0) {
      this.#end(Outcome.ConnectTimeout, false, false);
      return;
    }
    const silent = this.#owner.reads === this.#readsBefore;
    if (silent) this.#owner.onSilence();
    this.#fail(Outcome.ResponseTimeout, ErrorCode.Cancel);
  }

  // UpstreamConnection

  writeBody(buffer: Buffer, start: number, end: number): boolean {
    const sending = this.#sending as OutgoingBody;
    sending.write(buffer, start, end);
    const flowing = sending.flush();
    if (!flowing) this.#awaitsDrain = true;
    // While body bytes flow we wait for the client, and its own deadline counts; while they are stuck, for the back end.
    if (!flowing) this.#expectDrain();
    else if (this.#exchange?.responseStarted === true) this.#expectProgress();
    else this.#deadlineMs = 0;
    return flowing;
  }

  endBody(trailers: readonly string[] | null): void {
    this.#requestComplete = true;
    this.#requestTrailers = trailers;
    this.#expectProgress();
    if (this.#sending?.isWaiting === false) this.#endRequest();
  }

  resumeResponse(): void {
    if (this.#closed) return;
    this.#expectProgress();
    this.#receiving?.resume();
    this.flush();
  }

  abandon(): void {
    this.#exchange = null;
    this.#reset(ErrorCode.Cancel);
  }

  // What comes of the response's body.

  onBodyData(buffer: Buffer, start: number, end: number): void {
    this.#owner.touch(this);
    this.#exchange?.onResponseData(buffer, start, end);
  }

  onBodyEnd(trailers: readonly string[] | null): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    // The back end gave its answer without the rest of the request: it need not wait for that (RFC 9113 §8.1).
    this.#reset(ErrorCode.Cancel);
    exchange?.onResponseEnd(trailers);
  }

  /** More or less than `Content-Length` said (RFC 9113 §8.1.1). */
  onBodyBroken(): void {
    this.onMalformed(ErrorCode.ProtocolError);
  }

  // What became of the request's body.

  onSendProgress(): void {
    this.#expectDrain();
  }

  onSendable(): void {
    if (this.#closed) return;
    if (this.#requestComplete) this.#endRequest();
    else if (this.#awaitsDrain) {
      this.#awaitsDrain = false;
      this.#deadlineMs = 0;
      this.#exchange?.onUpstreamDrain();
    }
  }

  #onHead(exchange: Exchange, fields: readonly string[], endStream: boolean): void {
    const head = this.#worker.responseHead;
    const bytes = Buffer.from(toResponseText(fields), 'latin1');
    if (head.parse(bytes, 0, bytes.length, exchange.method === 'HEAD') < 0) {
      this.onMalformed(ErrorCode.ProtocolError);
      return;
    }
    if (exchange.requestSent || head.status >= 200) this.#expectProgress();
    if (head.status < 200) {
      if (endStream || ++this.#informational > MAX_INFORMATIONAL) this.onMalformed(ErrorCode.ProtocolError);
      else exchange.onInformational(head);
      return;
    }
    if (endStream && head.body === BODY_UNTIL_CLOSE) head.body = BODY_NONE;
    const announced = announcedBytes(head.body, head.contentLength);
    if (endStream && announced > 0) {
      this.onMalformed(ErrorCode.ProtocolError);
      return;
    }
    const { writer, credit } = this.#owner.output;
    this.#receiving = new IncomingBody(this.id, announced, writer, credit, this);
    this.#owner.touch(this);
    exchange.onResponseHead(head);
    // The exchange may have given up this response for another try.
    if (endStream) this.#receiving.end(null);
  }

  #onTrailers(receiving: IncomingBody, fields: readonly string[], endStream: boolean): void {
    const trailers = endStream && !this.#isReceived ? judgeTrailers(fields, false) : null;
    if (trailers === null) this.onMalformed(ErrorCode.ProtocolError);
    else receiving.end(trailers.length === 0 ? null : trailers);
  }

  #endRequest(): void {
    if (this.#requestEnded || this.#closed) return;
    this.#requestEnded = true;
    const trailers = this.#requestTrailers;
    if (trailers === null || trailers.length === 0) this.#sending?.end();
    else this.#owner.output.encoder.trailers(this.id, trailers);
  }

  #expectProgress(): void {
    const exchange = this.#exchange;
    if (exchange !== null) this.#deadlineMs = this.#worker.clock.nowMs + exchange.route.policy.responseTimeoutMs;
  }

  #expectDrain(): void {
    const exchange = this.#exchange;
    if (exchange !== null) this.#deadlineMs = this.#worker.clock.nowMs + exchange.route.policy.sendTimeoutMs;
  }

  /** All of the response has come; what is held of it waits for the client only. */
  get #isReceived(): boolean {
    return this.#receiving?.ended === true;
  }

  #cutOutcome(): Outcome {
    return this.#receiving === null ? Outcome.UpstreamClosed : Outcome.UpstreamTruncated;
  }

  #fail(outcome: Outcome, code: number): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#reset(code);
    exchange?.onAttemptFailed(outcome, true, false);
  }

  /** The peer needs no word about it. */
  #end(outcome: Outcome, sent: boolean, reused: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#close();
    exchange?.onAttemptFailed(outcome, sent, reused);
  }

  /** Tells the peer to stop, unless both sides are through. */
  #reset(code: number): void {
    if (this.#closed) return;
    const isOver = this.#requestEnded && this.#isReceived;
    if (this.id !== 0 && !isOver) this.#owner.output.writer.reset(this.id, code);
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadlineMs = 0;
    this.#sending?.discard();
    this.#receiving?.discard();
    this.#owner.onStreamClosed(this);
  }
}

/** How many bytes have to come; -1 = as many as do. */
function announcedBytes(body: number, contentLength: number): number {
  if (body === BODY_NONE) return 0;
  return body === BODY_LENGTH ? contentLength : -1;
}
