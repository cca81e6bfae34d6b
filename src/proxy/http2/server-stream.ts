/**
 * One HTTP/2 stream of a client: the client's side of one exchange. Carries the request body with back-pressure, writes
 * the response from its judged form, and turns what HTTP/1.1 says by closing a connection into a reset of the stream.
 * Hot: small responses go out as one HEADERS and one DATA frame of one write.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Downstream } from '../downstream.ts';
import { type LocalResponse, localResponse } from '../error-response.ts';
import type { Exchange } from '../exchange.ts';
import type { RequestOrigin } from '../handle-request.ts';
import { handleRequest } from '../handle-request.ts';
import { BODY_LENGTH, BODY_NONE } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { Outcome } from '../outcome.ts';
import type { DownstreamTunnel, UpstreamTunnel } from '../tunnel.ts';
import { logUnrouted } from '../unrouted-log.ts';
import type { WorkerContext } from '../worker-context.ts';
import { MALFORMED } from './request-head.ts';
import { toInformationalFields, toLocalFields, toResponseFields } from './response-fields.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR } = constants;

/** What a stream needs of its session. */
export interface StreamOwner extends RequestOrigin {
  /** Makes `routingHost` and `forwarded` those of this host. */
  useHost(host: string): void;
  /** @param byClient whether the stream was reset by the client, or by us for what the client sent */
  onStreamClosed(stream: Http2ServerStream, byClient: boolean): void;
}

export class Http2ServerStream implements Downstream {
  readonly clientIp: string;
  readonly #worker: WorkerContext;
  readonly #owner: StreamOwner;
  readonly #stream: ServerHttp2Stream;
  #exchange: Exchange | null;
  /** Head of the response, until the first bytes of its body are known. */
  #head: string[] | null;
  #piece: Buffer | null;
  /** Body bytes the client announced and has not sent; -1 = it announced none. */
  #awaitedBytes: number;
  #requestComplete: boolean;
  /** A complete answer has been handed over; it may still be on its way. */
  #answered: boolean;
  /** The answer has no body, whatever the back end sends. */
  #bodiless: boolean;
  /** We reset the stream, for a reason that is not the client's. */
  #cut: boolean;
  #paused: boolean;
  #awaitsDrain: boolean;
  /** Coarse clock; 0 = none. */
  #bodyDeadlineMs: number;
  #writeDeadlineMs: number;

  constructor(worker: WorkerContext, owner: StreamOwner, stream: ServerHttp2Stream) {
    this.clientIp = owner.clientIp;
    this.#worker = worker;
    this.#owner = owner;
    this.#stream = stream;
    this.#exchange = null;
    this.#head = null;
    this.#piece = null;
    this.#awaitedBytes = -1;
    this.#requestComplete = true;
    this.#answered = false;
    // After a HEAD the library has ended our side before anyone asked it to.
    this.#bodiless = stream.writableEnded;
    this.#cut = false;
    this.#paused = false;
    this.#awaitsDrain = false;
    this.#bodyDeadlineMs = 0;
    this.#writeDeadlineMs = 0;
    stream.on('error', ignore);
    stream.on('close', () => this.#onClose());
  }

  /** Judges the request and sends it on its way. */
  begin(pairs: readonly string[], endStream: boolean): void {
    try {
      this.#begin(pairs, endStream);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** The connection is at its end: what is not finished by now is cut. */
  destroy(): void {
    this.#cut = true;
    this.#reset(NGHTTP2_INTERNAL_ERROR);
  }

  onTick(nowMs: number): void {
    if (this.#writeDeadlineMs !== 0 && nowMs >= this.#writeDeadlineMs) {
      this.#writeDeadlineMs = 0;
      this.#bodyDeadlineMs = 0;
      this.#cut = true;
      this.#exchange?.onClientGone(Outcome.ClientTimeout);
      this.#reset(NGHTTP2_CANCEL);
    } else if (this.#bodyDeadlineMs !== 0 && nowMs >= this.#bodyDeadlineMs) {
      this.#bodyDeadlineMs = 0;
      this.#cut = true;
      this.#exchange?.fail(Outcome.ClientTimeout);
    }
  }

  // Downstream: what the exchange asks for.

  startResponse(head: ResponseHead): void {
    // 205 has no content either (RFC 9110 §15.3.6), and the library below ends the stream with its head.
    if (head.status === 204 || head.status === 205 || head.status === 304) this.#bodiless = true;
    this.#head = toResponseFields(head, this.#worker.clock);
  }

  sendInformational(head: ResponseHead): void {
    if (!this.#isWritable()) return;
    try {
      this.#stream.additionalHeaders(toInformationalFields(head));
    } catch (error) {
      this.#onFault(error);
    }
  }

  writeResponse(buffer: Buffer, start: number, end: number): void {
    if (this.#bodiless) return;
    const bytes = Buffer.allocUnsafe(end - start);
    buffer.copy(bytes, 0, start, end);
    this.#piece = this.#piece === null ? bytes : Buffer.concat([this.#piece, bytes]);
  }

  flushResponse(): boolean {
    if (!this.#isWritable()) return true;
    const piece = this.#piece;
    this.#piece = null;
    this.#respond(false);
    if (piece !== null) this.#stream.write(piece);
    if (!this.#stream.writableNeedDrain) return true;
    this.#writeDeadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
    if (!this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#stream.on('drain', () => this.#onDrain());
    }
    return false;
  }

  endResponse(_trailers: readonly string[] | null): void {
    this.#exchange = null;
    if (!this.#isWritable()) return;
    this.#answered = true;
    this.#bodyDeadlineMs = 0;
    // Until the stream is closed: whoever does not read the rest must not keep it for ever.
    this.#writeDeadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
    const piece = this.#piece;
    this.#piece = null;
    if (!this.#requestComplete) this.#discardRequest();
    this.#respond(piece === null);
    if (this.#stream.writableEnded) return;
    if (piece === null) this.#stream.end();
    else this.#stream.end(piece);
  }

  abortResponse(): void {
    this.#exchange = null;
    this.#cut = true;
    this.#reset(NGHTTP2_INTERNAL_ERROR);
  }

  answer(response: LocalResponse): void {
    if (!this.#isWritable()) return;
    this.#head = toLocalFields(response, this.#worker.clock);
    this.#piece = this.#bodiless || response.body === '' ? null : Buffer.from(response.body, 'latin1');
    this.endResponse(null);
  }

  pauseRequest(): void {
    this.#paused = true;
    this.#bodyDeadlineMs = 0;
    this.#stream.pause();
  }

  resumeRequest(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#expectBodyProgress();
    this.#stream.resume();
  }

  /** Cannot happen: no head of HTTP/2 carries an offer to switch, and nothing else makes a back end's 101 acceptable. */
  startTunnel(_head: ResponseHead, tunnel: UpstreamTunnel): void {
    tunnel.attachTunnel(NOWHERE);
    tunnel.destroy();
    this.abortResponse();
  }

  #begin(pairs: readonly string[], endStream: boolean): void {
    const worker = this.#worker;
    const head = worker.http2RequestHead;
    this.#requestComplete = endStream;
    const status = head.parse(pairs, endStream);
    if (status !== 0) {
      this.#refuse(status);
      return;
    }
    if (head.body === BODY_LENGTH) this.#awaitedBytes = head.contentLength;
    const hasBody = head.body !== BODY_NONE;
    this.#owner.useHost(head.host);
    const exchange = handleRequest(worker, this, head, this.#owner);
    if (exchange === null) return;
    this.#exchange = exchange;
    if (hasBody) this.#readBody();
  }

  #refuse(status: number): void {
    const refusedAs = status === MALFORMED ? 400 : status;
    this.#worker.countUnrouted(refusedAs);
    logUnrouted(this.#worker, this.clientIp, null, refusedAs, 'HTTP/2.0');
    if (status === MALFORMED) this.#reset(NGHTTP2_PROTOCOL_ERROR);
    else this.answer(localResponse(status));
  }

  #readBody(): void {
    this.#expectBodyProgress();
    // `close` alone would wait for the rest of the body to be read.
    this.#stream.on('aborted', () => this.#onGone());
    this.#stream.on('data', (piece: Buffer) => this.#onData(piece));
    this.#stream.on('end', () => this.#onEnd());
  }

  #onData(piece: Buffer): void {
    this.#expectBodyProgress();
    if (this.#awaitedBytes !== -1) {
      this.#awaitedBytes -= piece.length;
      if (this.#awaitedBytes < 0) {
        this.#breakLength();
        return;
      }
    }
    try {
      this.#exchange?.onRequestData(piece, 0, piece.length);
    } catch (error) {
      this.#onFault(error);
    }
  }

  #onEnd(): void {
    this.#bodyDeadlineMs = 0;
    // A reset without an error code ends the readable side as if the body were complete; `close` tells it from the end.
    if (this.#stream.closed) return;
    if (this.#awaitedBytes > 0) {
      this.#breakLength();
      return;
    }
    this.#requestComplete = true;
    try {
      this.#exchange?.onRequestEnd(null);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** More or less body than announced (RFC 9113 §8.1.1): the back end must not see a complete request. */
  #breakLength(): void {
    this.#bodyDeadlineMs = 0;
    this.#awaitedBytes = -1;
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.onClientGone(Outcome.ClientInvalidBody);
    this.#reset(NGHTTP2_PROTOCOL_ERROR);
  }

  /** The answer does not depend on the rest of the body: the client is told so behind the answer (RFC 9113 §8.1). */
  #discardRequest(): void {
    this.#stream.once('finish', () => this.#reset(NGHTTP2_NO_ERROR));
    this.#stream.resume();
  }

  #expectBodyProgress(): void {
    if (this.#paused || this.#answered || this.#requestComplete) return;
    this.#bodyDeadlineMs = this.#worker.clock.nowMs + this.#worker.settings.bodyTimeoutMs;
  }

  #onDrain(): void {
    if (this.#answered) return;
    this.#writeDeadlineMs = 0;
    this.#exchange?.onDownstreamDrain();
  }

  #respond(endStream: boolean): void {
    const head = this.#head;
    if (head === null) return;
    this.#head = null;
    try {
      this.#stream.respond(head, endStream ? END_STREAM : undefined);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** The client reset the stream, or its connection is gone. */
  #onGone(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.onClientGone(Outcome.ClientAborted);
    // What waits unread would keep the stream from closing.
    this.#stream.resume();
  }

  #onClose(): void {
    this.#onGone();
    this.#bodyDeadlineMs = 0;
    this.#writeDeadlineMs = 0;
    this.#head = null;
    this.#piece = null;
    this.#owner.onStreamClosed(this, !this.#cut && this.#stream.rstCode !== NGHTTP2_NO_ERROR);
  }

  #isWritable(): boolean {
    return !this.#answered && !this.#stream.closed && !this.#stream.destroyed;
  }

  /**
   * `close` ends the writable side before it resets: between the two, what was written of a response would go out as if
   * it were complete. `destroy` does not, and resets with INTERNAL_ERROR.
   */
  #reset(code: number): void {
    const stream = this.#stream;
    if (stream.headersSent && !stream.writableEnded) stream.destroy(new Error('response cut'));
    else stream.close(code);
  }

  /** A fault of ours costs this stream and nothing else. */
  #onFault(error: unknown): void {
    this.#worker.logger.error('request handling failed', { error, clientIp: this.clientIp });
    this.#cut = true;
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange !== null) exchange.fail(Outcome.InternalError);
    else if (this.#isWritable() && !this.#stream.headersSent) this.answer(localResponse(500));
    if (!this.#answered) this.#reset(NGHTTP2_INTERNAL_ERROR);
  }
}

const END_STREAM = { endStream: true };

const NOWHERE: DownstreamTunnel = { write: () => true, end: ignore, destroy: ignore, pause: ignore, resume: ignore };

/** Errors of a stream are followed by its `close`, which does what is to be done. */
function ignore(): void {}
