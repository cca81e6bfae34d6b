/**
 * One HTTP/1.1 connection of a client: parses requests one after the other, answers in order, and closes in stages so
 * that the last answer is not lost to a reset (RFC 9112 §9). Pipelined requests wait unread behind the current one.
 * Hot: listeners and buffers belong to the connection; a request adds an `Exchange` and nothing else.
 */
import type { Socket } from 'node:net';
import type { Downstream } from '../downstream.ts';
import type { LocalResponse } from '../error-response.ts';
import { localResponse } from '../error-response.ts';
import type { Exchange } from '../exchange.ts';
import { type ForwardedFacts, forwardedFields } from '../forwarded-fields.ts';
import { handleRequest, isInlineBody } from '../handle-request.ts';
import { Outcome } from '../outcome.ts';
import type { DownstreamTunnel, UpstreamTunnel } from '../tunnel.ts';
import { logUnrouted } from '../unrouted-log.ts';
import type { WorkerContext } from '../worker-context.ts';
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts';
import { HeadBuffer } from './head-buffer.ts';
import { BODY_CHUNKED, BODY_NONE } from './request-head.ts';
import { toRoutingHost } from './request-target.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseWriter } from './response-writer.ts';

const HEAD = 0;
const LENGTH = 1;
const CHUNKED = 2;
/** The request is complete, its response is not. */
const BUSY = 3;
const TUNNEL = 4;
const CLOSING = 5;
const CLOSED = 6;

/** A request body that fits travels as text in the same write as its head, and can be sent again in a retry. */
const INLINE_BODY_BYTES = 4_096;
/** Unread body up to which reading on costs less than a new connection. */
const DISCARD_BODY_BYTES = 65_536;
const PIPELINE_PAUSE_BYTES = 32_768;
/** How long, and for how many bytes, input is thrown away after the last answer. */
const LINGER_MS = 2_000;
const LINGER_BYTES = 1_048_576;

/** What a connection must know of the listener it came from. */
export interface ListenerFacts {
  readonly name: string;
  readonly encrypted: boolean;
  /** The port clients think they talk to. */
  readonly port: number;
}

export class ServerConnection implements Downstream, DownstreamTunnel, ChunkSink, ForwardedFacts {
  readonly clientIp: string;
  readonly encrypted: boolean;
  readonly port: number;
  readonly #worker: WorkerContext;
  readonly #socket: Socket;
  readonly #listener: string;
  readonly #onClosed: (connection: ServerConnection) => void;
  readonly #writer: ResponseWriter;
  #state: number;
  #exchange: Exchange | null;
  #headBuffer: HeadBuffer | null;
  /** Pipelined bytes behind the current request. */
  #pending: Buffer | null;
  #feeding: boolean;
  #paused: boolean;
  #decoder: ChunkedDecoder | null;
  /** Body bytes still to come in state LENGTH; bytes thrown away so far in state CLOSING. */
  #remaining: number;
  /** Another request may follow the current one. */
  #persist: boolean;
  #responseDone: boolean;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;
  #hostSeen: string;
  #routingHost: string;
  #forwarded: string;
  #tunnel: UpstreamTunnel | null;

  constructor(
    worker: WorkerContext,
    socket: Socket,
    listener: ListenerFacts,
    onClosed: (connection: ServerConnection) => void,
  ) {
    this.#worker = worker;
    this.#socket = socket;
    this.#listener = listener.name;
    this.#onClosed = onClosed;
    this.clientIp = toClientIp(socket.remoteAddress);
    this.encrypted = listener.encrypted;
    this.port = listener.port;
    this.#writer = new ResponseWriter(worker, socket);
    this.#state = HEAD;
    this.#exchange = null;
    this.#headBuffer = null;
    this.#pending = null;
    this.#feeding = false;
    this.#paused = false;
    this.#decoder = null;
    this.#remaining = 0;
    this.#persist = true;
    this.#responseDone = false;
    this.#deadlineMs = worker.clock.nowMs + worker.settings.headTimeoutMs;
    this.#hostSeen = '';
    this.#routingHost = '';
    this.#forwarded = '';
    this.#tunnel = null;
    worker.activeConnections++;
    worker.acceptedConnections++;
    worker.clock.watch(this);
    socket.on('data', (chunk) => this.#onData(chunk as Buffer));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#close());
    socket.on('close', () => this.#close());
  }

  /** Close when idle; else say `Connection: close` with the response under way. */
  drain(): void {
    this.#persist = false;
    if (this.#state === HEAD && this.#headBuffer === null && !this.#feeding) this.#closeInStages();
  }

  destroy(): void {
    this.#close();
  }

  // Downstream

  startResponse(head: ResponseHead): void {
    if (!this.#bodyCanBeDiscarded() || this.#worker.draining) this.#persist = false;
    this.#persist = this.#writer.start(head, this.#persist);
  }

  sendInformational(head: ResponseHead): void {
    this.#writer.informational(head);
  }

  writeResponse(buffer: Buffer, start: number, end: number): void {
    this.#writer.body(buffer, start, end);
  }

  flushResponse(): boolean {
    const flowing = this.#writer.flush();
    if (!flowing) this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
    return flowing;
  }

  endResponse(): void {
    if (this.#state === CLOSED) return;
    this.#writer.end();
    this.flushResponse();
    this.#exchange = null;
    this.#responseDone = true;
    if (!this.#persist) this.#closeInStages();
    else if (this.#state === BUSY) this.#nextRequest();
    // Else the rest of the body is read and thrown away first: a late byte of it must never become a request.
    else this.resumeRequest();
  }

  abortResponse(): void {
    this.#exchange = null;
    this.#writer.flush();
    // A clean end would make a response without announced length look complete.
    if (!this.encrypted && !this.#socket.destroyed) this.#socket.resetAndDestroy();
    this.#close();
  }

  answer(response: LocalResponse): void {
    if (this.#state === CLOSED) return;
    if (!this.#bodyCanBeDiscarded() || this.#worker.draining) this.#persist = false;
    this.#writer.answer(response, this.#persist);
    this.endResponse();
  }

  pauseRequest(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#deadlineMs = 0;
    this.#socket.pause();
  }

  resumeRequest(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#state === LENGTH || this.#state === CHUNKED) this.#expectBody();
    this.#socket.resume();
  }

  startTunnel(head: ResponseHead, tunnel: UpstreamTunnel): void {
    this.#writer.switchProtocols(head);
    this.#state = TUNNEL;
    this.#tunnel = tunnel;
    this.#deadlineMs = 0;
    tunnel.attachTunnel(this);
    this.resumeRequest();
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null && !tunnel.write(pending)) this.#socket.pause();
  }

  // DownstreamTunnel

  write(chunk: Buffer): boolean {
    if (this.#exchange !== null) this.#exchange.responseBytes += chunk.length;
    return this.#socket.write(chunk);
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  onTick(nowMs: number): void {
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    if (this.#state === HEAD && this.#headBuffer !== null) this.#refuse(408);
    else if (this.#state === LENGTH || this.#state === CHUNKED) this.#onBodyTimeout();
    else {
      this.#exchange?.onClientGone(Outcome.ClientTimeout);
      this.#close();
    }
  }

  onChunkData(buffer: Buffer, start: number, end: number): void {
    this.#exchange?.onRequestData(buffer, start, end);
  }

  #onData(chunk: Buffer): void {
    try {
      this.#feed(chunk);
    } catch (error) {
      this.#worker.logger.error('request handling failed', { error, clientIp: this.clientIp });
      const exchange = this.#exchange;
      if (exchange === null) this.#refuse(500);
      else exchange.fail(Outcome.InternalError);
      this.#closeInStages();
    }
  }

  #feed(chunk: Buffer): void {
    this.#feeding = true;
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#state === HEAD) offset = this.#readHead(chunk, offset);
      else if (this.#state === LENGTH) offset = this.#readLengthBody(chunk, offset);
      else if (this.#state === CHUNKED) offset = this.#readChunkedBody(chunk, offset);
      else {
        this.#readBehind(offset === 0 ? chunk : chunk.subarray(offset));
        break;
      }
    }
    this.#feeding = false;
  }

  /** Bytes that are not, or not yet, HTTP of ours to parse. */
  #readBehind(chunk: Buffer): void {
    if (this.#state === BUSY) {
      this.#pending = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
      if (this.#pending.length >= PIPELINE_PAUSE_BYTES) this.pauseRequest();
    } else if (this.#state === TUNNEL) {
      if (this.#exchange !== null) this.#exchange.requestBytes += chunk.length;
      if (this.#tunnel?.write(chunk) === false) this.#socket.pause();
    } else if (this.#state === CLOSING) {
      this.#remaining += chunk.length;
      if (this.#remaining > LINGER_BYTES) this.#close();
    }
  }

  /** @returns the offset behind the head, or behind what was taken of it */
  #readHead(chunk: Buffer, offset: number): number {
    const { maxHeadBytes, headTimeoutMs } = this.#worker.settings;
    if (this.#headBuffer !== null) {
      const headBuffer = this.#headBuffer;
      const next = headBuffer.append(chunk, offset);
      if (headBuffer.headEnd !== -1) {
        this.#headBuffer = null;
        this.#onHead(headBuffer.text(), headBuffer.start, headBuffer.headEnd, 0);
        return this.#state === CLOSED ? chunk.length : next;
      }
      if (headBuffer.status !== 0) this.#refuse(headBuffer.status);
      return chunk.length;
    }
    const start = skipEmptyLines(chunk, offset);
    const text = chunk.toString('latin1', start, Math.min(chunk.length, start + maxHeadBytes));
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd !== -1) {
      const available = text.length - headEnd - 4;
      return start + headEnd + 4 + this.#onHead(text, 0, headEnd, available);
    }
    if (start === chunk.length) return start;
    this.#headBuffer = new HeadBuffer(maxHeadBytes, this.#worker.settings.maxTargetBytes);
    this.#deadlineMs = this.#worker.clock.nowMs + headTimeoutMs;
    return this.#readHead(chunk, start);
  }

  /**
   * @param available body bytes that stand in `text` behind the head
   * @returns how many of them were taken
   */
  #onHead(text: string, start: number, headEnd: number, available: number): number {
    const worker = this.#worker;
    const head = worker.requestHead;
    const status = head.parse(text, start, headEnd);
    if (status !== 0) {
      this.#refuse(status);
      return 0;
    }
    this.#writer.begin(head.method === 'HEAD', head.minorVersion === 1);
    this.#persist = head.keepAlive;
    this.#responseDone = false;
    this.#deadlineMs = 0;
    let inlineBody = '';
    if (head.body === BODY_NONE) this.#state = BUSY;
    else if (isInlineBody(head, available, INLINE_BODY_BYTES)) {
      inlineBody = text.slice(headEnd + 4, headEnd + 4 + head.contentLength);
      this.#state = BUSY;
    } else this.#beginBody(head.body, head.contentLength);
    if (head.host !== this.#hostSeen || this.#forwarded === '') {
      this.#hostSeen = head.host;
      this.#routingHost = toRoutingHost(head.host);
      this.#forwarded = forwardedFields(this, head.host);
    }
    this.#exchange = handleRequest(worker, this, head, {
      listener: this.#listener,
      scheme: this.encrypted ? 'https' : 'http',
      routingHost: this.#routingHost,
      forwarded: this.#forwarded,
      inlineBody,
    });
    return inlineBody.length;
  }

  #beginBody(kind: number, length: number): void {
    this.#remaining = 0;
    if (kind === BODY_CHUNKED) {
      this.#state = CHUNKED;
      this.#decoder ??= new ChunkedDecoder();
      this.#decoder.reset();
    } else {
      this.#state = LENGTH;
      this.#remaining = length;
    }
    this.#expectBody();
  }

  #readLengthBody(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#remaining);
    this.#remaining -= end - offset;
    this.#expectBody();
    this.#exchange?.onRequestData(chunk, offset, end);
    if (this.#state === LENGTH && this.#remaining === 0) this.#onBodyEnd();
    return end;
  }

  #readChunkedBody(chunk: Buffer, offset: number): number {
    const decoder = this.#decoder as ChunkedDecoder;
    this.#expectBody();
    const position = decoder.decode(chunk, offset, chunk.length, this);
    if (this.#state !== CHUNKED) return chunk.length;
    if (position === -1) {
      this.#persist = false;
      const exchange = this.#exchange;
      if (exchange === null) this.#closeInStages();
      else exchange.fail(Outcome.ClientInvalidBody);
      return chunk.length;
    }
    if (decoder.done) this.#onBodyEnd();
    return position;
  }

  #onBodyEnd(): void {
    this.#state = BUSY;
    this.#deadlineMs = 0;
    // Nothing of this request is left to hold back, and a reset of the client must be seen.
    this.resumeRequest();
    if (this.#responseDone) this.#nextRequest();
    else this.#exchange?.onRequestEnd();
  }

  #onBodyTimeout(): void {
    this.#persist = false;
    if (this.#exchange === null) this.#close();
    else this.#exchange.fail(Outcome.ClientTimeout);
  }

  #nextRequest(): void {
    this.#state = HEAD;
    if (this.#worker.draining) {
      this.#closeInStages();
      return;
    }
    if (!this.#writer.blocked) this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.keepAliveTimeoutMs;
    this.resumeRequest();
    const pending = this.#pending;
    if (pending === null || this.#feeding) return;
    this.#pending = null;
    this.#onData(pending);
  }

  /** A head that is not a request: one answer, then nothing of this client is HTTP any more. */
  #refuse(status: number): void {
    this.#persist = false;
    this.#headBuffer = null;
    this.#writer.begin(false, true);
    this.#worker.countUnrouted(status);
    logUnrouted(this.#worker, this.clientIp, null, status);
    this.#state = BUSY;
    this.answer(localResponse(status));
  }

  #bodyCanBeDiscarded(): boolean {
    return this.#state === BUSY || (this.#state === LENGTH && this.#remaining <= DISCARD_BODY_BYTES);
  }

  #expectBody(): void {
    if (!this.#paused) this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.bodyTimeoutMs;
  }

  #onDrain(): void {
    if (this.#state === TUNNEL) {
      this.#tunnel?.resume();
      return;
    }
    this.#writer.blocked = false;
    if (this.#state === BUSY) this.#deadlineMs = 0;
    else if (this.#state === HEAD)
      this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.keepAliveTimeoutMs;
    this.#exchange?.onDownstreamDrain();
  }

  #onEnd(): void {
    if (this.#state === TUNNEL) this.#tunnel?.end();
    else if (this.#state < CLOSING) {
      this.#exchange?.onClientGone(Outcome.ClientAborted);
      this.#close();
    }
  }

  /** FIN first, then input is thrown away for a while: closing with unread input would reset the answer away (rule 9.6). */
  #closeInStages(): void {
    if (this.#state >= CLOSING) return;
    this.#state = CLOSING;
    this.#exchange = null;
    this.#pending = null;
    this.#remaining = 0;
    // The answer may still wait for a slow reader; lingering begins when it is out.
    this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
    this.#socket.end(() => {
      this.#deadlineMs = this.#worker.clock.nowMs + LINGER_MS;
    });
    this.#paused = false;
    this.#socket.resume();
  }

  /** The connection is over, whoever noticed first; safe to call again. */
  #close(): void {
    if (this.#state === CLOSED) return;
    const tunnel = this.#state === TUNNEL ? this.#tunnel : null;
    const exchange = this.#exchange;
    this.#state = CLOSED;
    this.#exchange = null;
    this.#pending = null;
    this.#headBuffer = null;
    this.#worker.clock.unwatch(this);
    this.#worker.activeConnections--;
    this.#socket.destroy();
    this.#onClosed(this);
    if (tunnel !== null) {
      this.#tunnel = null;
      exchange?.onTunnelEnd();
      tunnel.destroy();
    } else exchange?.onClientGone(Outcome.ClientAborted);
  }
}

/** At most two empty lines before a request line are skipped (RFC 9112 §2.2). */
function skipEmptyLines(chunk: Buffer, offset: number): number {
  let start = offset;
  while (start - offset < 4 && chunk[start] === 13 && chunk[start + 1] === 10) start += 2;
  return start;
}

function toClientIp(address: string | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
