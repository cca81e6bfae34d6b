/**
 * One HTTP/1.1 connection of a client: runs its requests one after the other, answers in order, and closes in stages so
 * that the last answer is not lost to a reset (RFC 9112 §9). Pipelined requests wait unread behind the current one.
 * Hot: listeners and buffers belong to the connection; a request adds an `Exchange` and nothing else.
 */
import type { Socket } from 'node:net';
import type { RosterEntry } from '../../model/roster.ts';
import type { Watch } from '../coarse-clock.ts';
import type { Downstream } from '../downstream.ts';
import { type LocalResponse, localResponse } from '../error-response.ts';
import type { Exchange } from '../exchange.ts';
import type { ListenerFacts } from '../forwarded-fields.ts';
import { handleRequest, isInlineBody } from '../handle-request.ts';
import type { OpenConnection, OpenConnections } from '../open-connection.ts';
import { Outcome } from '../outcome.ts';
import { ConnectionOrigin } from '../request-origin.ts';
import { SocketWriter } from '../socket-writer.ts';
import { ClientTunnelEnd, closeTunnelSocket, type UpstreamTunnel } from '../tunnel.ts';
import { logUnrouted } from '../unrouted-log.ts';
import { DRAIN_FRESH_MS, type WorkerContext } from '../worker-context.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { INLINE_BODY_BYTES, LINGER_BYTES, LINGER_MS, PIPELINE_PAUSE_BYTES } from './limits.ts';
import { BODY_NONE, type RequestHead } from './request-head.ts';
import { READ_NOTHING, RequestReader, type RequestSink } from './request-reader.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseWriter, type ResponseWriterOwner } from './response-writer.ts';

const OPEN = 0;
const TUNNEL = 1;
const CLOSING = 2;
const CLOSED = 3;

export class ServerConnection implements Downstream, OpenConnection, RequestSink, ResponseWriterOwner {
  readonly origin: ConnectionOrigin;
  readonly #worker: WorkerContext;
  readonly #socket: Socket;
  readonly #entry: RosterEntry<OpenConnection>;
  readonly #watch: Watch;
  readonly #reader: RequestReader;
  readonly #output: SocketWriter;
  readonly #writer: ResponseWriter;
  #phase: number;
  #exchange: Exchange | null;
  /** Pipelined bytes behind the current request. */
  #pending: GrowingBuffer | null;
  #paused: boolean;
  /** The read under way stands in the worker's buffer. */
  #borrowed: boolean;
  /** Another request may follow the current one. */
  #persist: boolean;
  /** By the client: this is its last request. */
  #closeAnnounced: boolean;
  #responseDone: boolean;
  #lingeredBytes: number;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;
  #tunnel: UpstreamTunnel | null;

  constructor(worker: WorkerContext, socket: Socket, listener: ListenerFacts, connections: OpenConnections) {
    this.#worker = worker;
    this.#socket = socket;
    this.#entry = connections.add(this);
    this.#watch = worker.clock.watch(this);
    this.origin = new ConnectionOrigin(socket, listener);
    this.#reader = new RequestReader(worker, this);
    this.#output = new SocketWriter(socket, worker.writeBuffers, this);
    this.#writer = new ResponseWriter(worker, this.#output, this);
    this.#phase = OPEN;
    this.#exchange = null;
    this.#pending = null;
    this.#paused = false;
    this.#borrowed = false;
    this.#persist = true;
    this.#closeAnnounced = false;
    this.#responseDone = false;
    this.#lingeredBytes = 0;
    this.#deadlineMs = worker.clock.nowMs + worker.settings.headTimeoutMs;
    this.#tunnel = null;
    worker.activeConnections++;
    worker.acceptedConnections++;
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#close());
    socket.on('close', () => this.#close());
  }

  get clientIp(): string {
    return this.origin.clientIp;
  }

  get addresses(): Downstream['addresses'] {
    return this.origin.addresses;
  }

  /** Bytes `[0, length)` are valid during the call only: what must outlive it is copied. */
  onRead(buffer: Buffer, length: number): void {
    this.#borrowed = true;
    this.#feed(buffer, length);
  }

  /** Close when idle; a response under way says `Connection: close`. Who has just connected gets a moment for its request. */
  drain(): void {
    if (this.#phase !== OPEN || !this.#reader.idle) return;
    if (this.origin.forwarded === '')
      this.#deadlineMs = Math.min(this.#deadlineMs, this.#worker.clock.nowMs + DRAIN_FRESH_MS);
    else this.#closeInStages();
  }

  destroy(): void {
    this.#close();
  }

  /** The socket is somebody else's from now on, and so is its count; nothing was read from it. */
  release(): void {
    this.#phase = CLOSED;
    this.#leave();
    this.#worker.acceptedConnections--;
  }

  // Downstream: what the exchange asks for.

  startResponse(head: ResponseHead): void {
    if (this.#worker.leaving || !this.#reader.nearEnd) this.#persist = false;
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
    if (!flowing) this.#expectReading();
    return flowing;
  }

  /** Behind a response it is the time for the next request that counts, and has begun. */
  onBlocked(): void {
    if (!this.#responseDone) this.#expectReading();
  }

  endResponse(_trailers: readonly string[] | null): void {
    if (this.#phase >= CLOSING) return;
    this.#writer.end();
    this.flushResponse();
    this.#exchange = null;
    this.#responseDone = true;
    if (!this.#persist) this.#closeAfterAnswer();
    else if (this.#reader.state === READ_NOTHING) this.#nextRequest();
    // Else the rest of the body is read and thrown away first: a late byte of it must never become a request.
    else this.resumeRequest();
  }

  abortResponse(): void {
    this.#exchange = null;
    this.#writer.release();
    // A clean end would make a response without announced length look complete.
    if (!this.origin.facts.encrypted && !this.#socket.destroyed) this.#socket.resetAndDestroy();
    this.#close();
  }

  answer(response: LocalResponse): void {
    if (this.#phase >= CLOSING) return;
    if (this.#worker.leaving || !this.#reader.nearEnd) this.#persist = false;
    this.#writer.answer(response, this.#persist);
    this.endResponse(null);
  }

  pauseRequest(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (this.#reader.inBody && !this.#writer.blocked) this.#deadlineMs = 0;
    this.#socket.pause();
  }

  resumeRequest(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#reader.inBody) this.#expectBodyProgress();
    this.#socket.resume();
  }

  startTunnel(head: ResponseHead, tunnel: UpstreamTunnel): void {
    this.#writer.switchProtocols(head);
    this.#phase = TUNNEL;
    this.#tunnel = tunnel;
    this.#deadlineMs = 0;
    tunnel.attachTunnel(new ClientTunnelEnd(this.#socket, this.#output, this.#exchange, () => this.#close()));
    this.resumeRequest();
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null && !tunnel.write(pending.bytes)) this.#socket.pause();
  }

  // RequestSink: what the reader found.

  onHeadBegun(): void {
    // The time for the first head began with the connection.
    if (this.origin.forwarded !== '') this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.headTimeoutMs;
  }

  get lastHost(): string {
    return this.origin.lastHost;
  }

  onHead(head: RequestHead, bytes: Buffer, start: number, end: number): number {
    this.#writer.begin(head.method === 'HEAD', head.minorVersion === 1);
    this.#persist = head.keepAlive;
    this.#closeAnnounced = !head.keepAlive;
    this.#responseDone = false;
    this.#deadlineMs = 0;
    let inlineBody = '';
    if (head.body === BODY_NONE) this.#reader.wait();
    else if (isInlineBody(head, end - start, INLINE_BODY_BYTES)) {
      inlineBody = bytes.toString('latin1', start, start + head.contentLength);
      this.#reader.wait();
    } else {
      this.#reader.expectBody(head.body, head.contentLength);
      this.#expectBodyProgress();
    }
    this.#open(head, inlineBody);
    return inlineBody.length;
  }

  onBodyData(buffer: Buffer, start: number, end: number): void {
    this.#expectBodyProgress();
    this.#exchange?.onRequestData(buffer, start, end);
  }

  onBodyEnd(): void {
    if (!this.#writer.blocked) this.#deadlineMs = 0;
    // Nothing of this request is left to hold back, and a reset of the client must be seen.
    this.resumeRequest();
    if (this.#responseDone) this.#nextRequest();
    else this.#exchange?.onRequestEnd(null);
  }

  /** One answer, and nothing more from this client is HTTP: resynchronising is how requests are smuggled. */
  onUnreadable(status: number): void {
    this.#persist = false;
    if (this.#exchange !== null) this.#exchange.fail(Outcome.ClientInvalidBody);
    else {
      this.#writer.begin(false, true);
      this.#worker.countUnrouted(status);
      logUnrouted(this.#worker, this.origin.peerIp, null, status);
      this.answer(localResponse(status));
    }
  }

  onBytesBehind(read: Buffer): void {
    if (this.#phase === OPEN) {
      if (this.#pending === null) this.#pending = new GrowingBuffer(this.#borrowed ? Buffer.from(read) : read);
      else this.#pending.append(read, 0, read.length);
      if (this.#pending.length >= PIPELINE_PAUSE_BYTES) this.pauseRequest();
    } else if (this.#phase === TUNNEL) {
      if (this.#exchange !== null) this.#exchange.requestBytes += read.length;
      if (this.#tunnel?.write(this.#borrowed ? Buffer.from(read) : read) === false) this.#socket.pause();
    } else if (this.#phase === CLOSING) {
      this.#lingeredBytes += read.length;
      if (this.#lingeredBytes > LINGER_BYTES) this.#close();
    }
  }

  onTick(nowMs: number): void {
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    const exchange = this.#exchange;
    if (this.#phase === OPEN && this.#reader.inBody && exchange !== null) {
      this.#persist = false;
      exchange.fail(Outcome.ClientTimeout);
    } else if (this.#phase === OPEN && this.#reader.inHead) {
      this.#reader.wait();
      this.onUnreadable(408);
    } else {
      exchange?.onClientGone(Outcome.ClientTimeout);
      this.#close();
    }
  }

  #feed(chunk: Buffer, length: number): void {
    try {
      this.#reader.feed(chunk, length);
    } catch (error) {
      this.#reader.feeding = false;
      this.#worker.logger.error('request handling failed', { error, clientIp: this.clientIp });
      this.#persist = false;
      if (this.#exchange === null) this.answer(localResponse(500));
      else this.#exchange.fail(Outcome.InternalError);
    }
  }

  #open(head: RequestHead, inlineBody: string): void {
    const origin = this.origin;
    origin.meet(this.#worker, head);
    origin.inlineBody = inlineBody;
    this.#exchange = handleRequest(this.#worker, this, head, origin);
    origin.inlineBody = '';
  }

  #nextRequest(): void {
    if (this.#worker.draining) {
      this.#closeInStages();
      return;
    }
    // Who does not read the answers gets no more of them; `#onDrain` comes back here.
    if (this.#writer.blocked) return;
    this.#reader.expectHead();
    this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.keepAliveTimeoutMs;
    this.resumeRequest();
    const pending = this.#pending;
    if (pending === null || this.#reader.feeding) return;
    this.#pending = null;
    this.#borrowed = false;
    this.#feed(pending.bytes, pending.length);
  }

  #expectReading(): void {
    this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
  }

  #expectBodyProgress(): void {
    if (!this.#paused) this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.bodyTimeoutMs;
  }

  onDrain(): void {
    this.#writer.blocked = false;
    if (this.#phase === TUNNEL) this.#tunnel?.resume();
    if (this.#phase !== OPEN) return;
    const { inBody, state } = this.#reader;
    // The next request is awaited already, and has its time.
    if (this.#responseDone && !inBody && state !== READ_NOTHING) return;
    this.#deadlineMs = 0;
    if (inBody) this.#expectBodyProgress();
    if (this.#responseDone && state === READ_NOTHING) this.#nextRequest();
    else this.#exchange?.onDownstreamDrain();
  }

  #onEnd(): void {
    if (this.#phase === TUNNEL) this.#tunnel?.end();
    else if (this.#phase === OPEN) this.#close();
  }

  /** Who announced that nothing follows, and sent nothing, has no input that a plain close could turn into a reset. */
  #closeAfterAnswer(): void {
    this.#writer.release();
    const alone = this.#closeAnnounced && this.#reader.state === READ_NOTHING && this.#pending === null;
    if (alone && !this.origin.facts.encrypted && this.#output.flushed) this.#close();
    else this.#closeInStages();
  }

  /** FIN first, then input is thrown away for a while: closing with unread input resets the answer away (RFC 9112 §9.6). */
  #closeInStages(): void {
    if (this.#phase >= CLOSING) return;
    this.#phase = CLOSING;
    this.#forget();
    // The answer may still wait for a slow reader; lingering begins when it is out.
    this.#expectReading();
    this.#output.end(() => {
      this.#deadlineMs = this.#worker.clock.nowMs + LINGER_MS;
    });
    this.#paused = false;
    this.#socket.resume();
  }

  #forget(): void {
    this.#reader.wait();
    this.#exchange = null;
    this.#pending = null;
    this.#writer.release();
  }

  #leave(): void {
    this.#watch.leave();
    this.#entry.leave();
    this.#worker.activeConnections--;
  }

  /** The connection is over, whoever noticed first; safe to call again. */
  #close(): void {
    if (this.#phase === CLOSED) return;
    const tunnel = this.#phase === TUNNEL ? this.#tunnel : null;
    const exchange = this.#exchange;
    this.#phase = CLOSED;
    this.#forget();
    this.#tunnel = null;
    this.#leave();
    if (tunnel === null) this.#socket.destroy();
    else closeTunnelSocket(this.#socket, this.#output.ending, this.#worker.settings.writeTimeoutMs);
    if (tunnel !== null) {
      exchange?.onTunnelEnd();
      tunnel.destroy();
    } else exchange?.onClientGone(Outcome.ClientAborted);
  }
}
