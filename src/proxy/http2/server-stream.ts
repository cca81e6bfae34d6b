/**
 * One HTTP/2 stream of a client: the client's side of one exchange. Hands on the request, writes the response between
 * those of other streams, and turns what HTTP/1.1 says by closing a connection into a reset of the stream.
 * Hot: one object per request, and one for each body.
 */
import type { Downstream } from '../downstream.ts';
import { type LocalResponse, localResponse } from '../error-response.ts';
import type { Exchange } from '../exchange.ts';
import { handleRequest } from '../handle-request.ts';
import { BODY_NONE } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { Outcome } from '../outcome.ts';
import type { ProxyAddresses } from '../proxy-protocol/addresses.ts';
import { refuseTunnel, type UpstreamTunnel } from '../tunnel.ts';
import { logUnrouted } from '../unrouted-log.ts';
import type { WorkerContext } from '../worker-context.ts';
import { ErrorCode } from './frame-constants.ts';
import { IncomingBody, type IncomingBodyListener } from './incoming-body.ts';
import { OutgoingBody, type OutgoingBodyListener } from './outgoing-body.ts';
import { type GatherListener, RequestGather } from './request-gather.ts';
import { MALFORMED } from './request-head.ts';
import type { StreamOwner } from './stream-owner.ts';
import { OVER, RESET_BY_US } from './stream-table.ts';
import { StreamTunnel, type StreamTunnelListener } from './stream-tunnel.ts';
import { judgeTrailers } from './trailers.ts';

export class Http2ServerStream
  implements Downstream, IncomingBodyListener, GatherListener, OutgoingBodyListener, StreamTunnelListener
{
  readonly id: number;
  clientIp: string;
  readonly #worker: WorkerContext;
  readonly #owner: StreamOwner;
  readonly #sending: OutgoingBody;
  /** Null when the request came without any. */
  #receiving: IncomingBody | null;
  /** Null when the exchange takes no body. */
  #gather: RequestGather | null;
  #exchange: Exchange | null;
  /** Of an extended CONNECT, from the beginning. */
  #tunnel: StreamTunnel | null;
  /** The exchange waits for the end of a body. */
  #hasBody: boolean;
  #headSent: boolean;
  /** The answer has no body, whatever the back end sends. */
  #bodiless: boolean;
  /** All of the answer was handed over; some of it may wait. */
  #answered: boolean;
  #trailers: readonly string[] | null;
  #closed: boolean;
  #paused: boolean;
  /** The exchange was told to stop. */
  #awaitsDrain: boolean;
  /** Coarse clock; 0 = none. */
  #bodyDeadlineMs: number;
  #writeDeadlineMs: number;

  constructor(worker: WorkerContext, owner: StreamOwner, id: number) {
    this.id = id;
    this.clientIp = owner.origin.peerIp;
    this.#worker = worker;
    this.#owner = owner;
    this.#sending = new OutgoingBody(id, owner.settings.initialWindowBytes, owner.scheduler, this);
    this.#receiving = null;
    this.#gather = null;
    this.#exchange = null;
    this.#tunnel = null;
    this.#hasBody = false;
    this.#headSent = false;
    this.#bodiless = false;
    this.#answered = false;
    this.#trailers = null;
    this.#closed = false;
    this.#paused = false;
    this.#awaitsDrain = false;
    this.#bodyDeadlineMs = 0;
    this.#writeDeadlineMs = 0;
  }

  get addresses(): ProxyAddresses | null {
    return this.#owner.origin.addresses;
  }

  /** Judges the request and sends it on its way. */
  begin(fields: readonly string[], endStream: boolean): void {
    try {
      this.#begin(fields, endStream);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** A DATA frame begins. */
  onDataHead(payloadBytes: number): void {
    const receiving = this.#receiving;
    if (receiving === null || receiving.ended) this.fail(ErrorCode.StreamClosed, true);
    else if (!receiving.receive(payloadBytes)) this.fail(ErrorCode.FlowControlError, true);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#closed) return;
    try {
      this.#receiving?.data(buffer, start, end);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** @param paddingBytes what of the frame was no data */
  onDataEnd(paddingBytes: number, endStream: boolean): void {
    if (this.#closed) return;
    if (paddingBytes > 0) this.#receiving?.consume(paddingBytes);
    if (endStream) this.#endRequest(null);
  }

  /** A second field section: trailers, which end the stream (RFC 9113 §8.1). */
  onTrailers(fields: readonly string[], endStream: boolean): void {
    const receiving = this.#receiving;
    if (receiving === null || receiving.ended) {
      this.fail(ErrorCode.StreamClosed, true);
      return;
    }
    const trailers = endStream ? judgeTrailers(fields, true) : null;
    if (trailers === null) this.onBodyBroken();
    else this.#endRequest(trailers.length === 0 ? null : trailers);
  }

  /** @returns false when the window would become too large */
  grow(increment: number): boolean {
    return this.#sending.grow(increment);
  }

  onReset(): void {
    this.#abandon(Outcome.ClientAborted);
    this.#close(OVER, true);
  }

  /** @param byClient it broke a rule that concerns this stream alone; else the connection is at its end */
  fail(code: number, byClient: boolean): void {
    this.#cut(Outcome.ClientAborted, code, byClient);
  }

  onTick(nowMs: number): void {
    if (this.#writeDeadlineMs !== 0 && nowMs >= this.#writeDeadlineMs) {
      this.#cut(Outcome.ClientTimeout, ErrorCode.Cancel, false);
    } else if (this.#bodyDeadlineMs !== 0 && nowMs >= this.#bodyDeadlineMs) {
      this.#bodyDeadlineMs = 0;
      this.#exchange?.fail(Outcome.ClientTimeout);
    }
  }

  // Downstream: what the exchange asks for.

  startResponse(head: ResponseHead): void {
    if (this.#closed) return;
    if (this.#tunnel !== null) {
      this.#tunnel = null;
      // A status that agrees would be the tunnel the client asked for (RFC 8441 §5).
      if (head.status < 300) return this.#exchange?.fail(Outcome.UpstreamInvalid);
    }
    // 205 has no content either (RFC 9110 §15.3.6).
    if (head.status === 204 || head.status === 205 || head.status === 304) this.#bodiless = true;
    this.#headSent = true;
    // Both sides may stream from here on, and a client with nothing to say is no idle one: the back end's silence counts.
    this.#bodyDeadlineMs = 0;
    this.#sending.noteHead(this.#owner.encoder.response(this.id, head));
  }

  sendInformational(head: ResponseHead): void {
    if (!this.#closed) this.#owner.encoder.informational(this.id, head);
  }

  writeResponse(buffer: Buffer, start: number, end: number): void {
    if (!this.#bodiless && !this.#closed) this.#sending.write(buffer, start, end);
  }

  flushResponse(): boolean {
    if (this.#closed || this.#sending.flush()) return true;
    this.#awaitsDrain = true;
    if (this.#writeDeadlineMs === 0) this.#expectRead();
    return false;
  }

  endResponse(trailers: readonly string[] | null): void {
    this.#exchange = null;
    if (this.#closed || this.#answered) return;
    this.#answered = true;
    this.#bodyDeadlineMs = 0;
    this.#receiving?.discard();
    this.#trailers = this.#bodiless ? null : trailers;
    // Whoever does not read the rest must not keep it for ever.
    if (this.#sending.isWaiting) this.#expectRead();
    else this.#finish();
  }

  abortResponse(): void {
    this.#exchange = null;
    if (!this.#closed) this.#reset(ErrorCode.InternalError, false);
  }

  answer(response: LocalResponse): void {
    if (this.#closed || this.#answered) return;
    this.#tunnel = null;
    this.#headSent = true;
    this.#sending.noteHead(this.#owner.encoder.local(this.id, response));
    if (!this.#bodiless) this.#sending.writeText(response.body);
    this.endResponse(null);
  }

  pauseRequest(): void {
    this.#paused = true;
    this.#bodyDeadlineMs = 0;
    this.#receiving?.pause();
  }

  resumeRequest(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#expectBodyProgress();
    this.#receiving?.resume();
  }

  startTunnel(head: ResponseHead, upstream: UpstreamTunnel): void {
    const receiving = this.#receiving;
    const exchange = this.#exchange;
    const tunnel = this.#tunnel;
    if (receiving === null || exchange === null || tunnel === null || !tunnel.isProvenBy(head)) {
      this.#tunnel = null;
      refuseTunnel(upstream);
      exchange?.fail(Outcome.UpstreamInvalid);
      return;
    }
    this.#headSent = true;
    this.#sending.noteHead(this.#owner.encoder.tunnel(this.id, head));
    tunnel.open(receiving, upstream, exchange);
  }

  onTunnelStalled(): void {
    if (this.#writeDeadlineMs === 0) this.#expectRead();
  }

  onTunnelOver(complete: boolean): void {
    if (!complete) return this.#cut(Outcome.Ok, ErrorCode.Cancel, false);
    this.#abandon(Outcome.Ok);
    this.#close(OVER, false);
  }

  // What comes of the request's body.

  onBodyData(buffer: Buffer, start: number, end: number): void {
    this.#expectBodyProgress();
    this.#gather?.add(buffer, start, end);
  }

  onGathered(buffer: Buffer, start: number, end: number): void {
    try {
      this.#exchange?.onRequestData(buffer, start, end);
    } catch (error) {
      this.#onFault(error);
    }
  }

  onBodyEnd(trailers: readonly string[] | null): void {
    this.#bodyDeadlineMs = 0;
    this.#gather?.flush();
    if (this.#hasBody) this.#exchange?.onRequestEnd(trailers);
  }

  /** More or less body than announced (RFC 9113 §8.1.1): the back end must not see a complete request. */
  onBodyBroken(): void {
    this.#cut(Outcome.ClientInvalidBody, ErrorCode.ProtocolError, true);
  }

  // What became of the response.

  onSendProgress(): void {
    this.#expectRead();
  }

  onSendable(): void {
    if (this.#closed) return;
    this.#writeDeadlineMs = 0;
    if (this.#tunnel !== null) this.#tunnel.onSendable();
    else if (this.#answered) this.#finish();
    else if (this.#awaitsDrain) {
      this.#awaitsDrain = false;
      this.#exchange?.onDownstreamDrain();
    }
  }

  #begin(fields: readonly string[], endStream: boolean): void {
    const worker = this.#worker;
    const head = worker.http2RequestHead;
    const status = head.parse(fields, endStream);
    this.#bodiless = head.method === 'HEAD';
    if (!endStream) {
      const { writer, credit } = this.#owner;
      if (head.webSocketKey !== '') this.#tunnel = new StreamTunnel(head.webSocketKey, this.#sending, this);
      const receiving = new IncomingBody(this.id, head.announcedLength, writer, credit, this.#tunnel ?? this);
      if (this.#tunnel !== null) receiving.pause();
      this.#receiving = receiving;
    }
    if (status !== 0) {
      this.#refuse(status);
      return;
    }
    this.#hasBody = head.body !== BODY_NONE;
    const { origin } = this.#owner;
    origin.meet(worker, head);
    this.clientIp = origin.clientIp;
    const exchange = handleRequest(worker, this, head, origin);
    if (exchange === null) return;
    this.#exchange = exchange;
    if (!this.#hasBody) return;
    this.#gather = new RequestGather(worker.turnEnd, worker.writeBuffers, this);
    this.#expectBodyProgress();
  }

  #refuse(status: number): void {
    const refusedAs = status === MALFORMED ? 400 : status;
    this.#worker.countUnrouted(refusedAs);
    logUnrouted(this.#worker, this.clientIp, null, refusedAs, 'HTTP/2.0');
    if (status === MALFORMED) this.fail(ErrorCode.ProtocolError, true);
    else this.answer(localResponse(status));
  }

  #endRequest(trailers: readonly string[] | null): void {
    try {
      this.#receiving?.end(trailers);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** All of the answer may leave now. */
  #finish(): void {
    const { writer, encoder } = this.#owner;
    if (this.#trailers === null || this.#trailers.length === 0) this.#sending.end();
    else encoder.trailers(this.id, this.#trailers);
    if (this.#receiving === null || this.#receiving.ended) this.#close(OVER, false);
    else {
      // The answer does not depend on the rest of the body: the client is told so behind it (RFC 9113 §8.1).
      writer.reset(this.id, ErrorCode.NoError);
      this.#close(RESET_BY_US, false);
    }
  }

  #abandon(outcome: Outcome): void {
    const exchange = this.#exchange;
    const tunnel = this.#tunnel;
    this.#exchange = null;
    this.#tunnel = null;
    // Whoever ended a tunnel, its exchange is complete.
    if (tunnel?.isOpen === true) exchange?.onTunnelEnd();
    else exchange?.onClientGone(outcome);
    tunnel?.close();
  }

  #cut(outcome: Outcome, code: number, byClient: boolean): void {
    if (this.#closed) return;
    this.#abandon(outcome);
    this.#reset(code, byClient);
  }

  #reset(code: number, byClient: boolean): void {
    if (this.#closed) return;
    this.#owner.writer.reset(this.id, code);
    this.#close(RESET_BY_US, byClient);
  }

  #close(ending: number, byClient: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#bodyDeadlineMs = 0;
    this.#writeDeadlineMs = 0;
    this.#sending.discard();
    this.#receiving?.discard();
    this.#owner.onStreamClosed(this, ending, byClient);
  }

  #expectBodyProgress(): void {
    if (this.#paused || this.#headSent || this.#receiving === null || this.#receiving.ended) return;
    this.#bodyDeadlineMs = this.#worker.clock.nowMs + this.#worker.settings.bodyTimeoutMs;
  }

  #expectRead(): void {
    this.#writeDeadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
  }

  /** A fault of ours costs this stream and nothing else. */
  #onFault(error: unknown): void {
    this.#worker.logger.error('request handling failed', { error, clientIp: this.clientIp });
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange !== null) exchange.fail(Outcome.InternalError);
    else if (!this.#headSent) this.answer(localResponse(500));
    if (!this.#answered) this.#reset(ErrorCode.InternalError, false);
  }
}
