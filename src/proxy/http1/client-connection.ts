/**
 * One HTTP/1.1 connection to a back end: writes the request of its exchange, parses the response by its own framing, and
 * goes back to the pool only when both are complete and not one byte is left over (RFC 9112 §9).
 * Hot: no stream pipes, promises, timers or listeners per request; reads go into the worker's one buffer.
 */
import type net from 'node:net';
import type { Watch } from '../coarse-clock.ts';
import type { Exchange } from '../exchange.ts';
import { Outcome, outcomeOfDial } from '../outcome.ts';
import { SocketWriter } from '../socket-writer.ts';
import { closeTunnelSocket, type DownstreamTunnel, type UpstreamTunnel } from '../tunnel.ts';
import type { DialSink } from '../upstream-dialer.ts';
import type { UpstreamPool } from '../upstream-pool.ts';
import type { UpstreamConnection } from '../upstream-transport.ts';
import type { WorkerContext } from '../worker-context.ts';
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts';
import { toTokens } from './field-list.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from './request-head.ts';
import { RequestWriter } from './request-writer.ts';
import { HEAD_INVALID } from './response-head.ts';
import { ResponseHeadReader } from './response-head-reader.ts';

const CONNECTING = 0;
const IDLE = 1;
const HEAD = 2;
const LENGTH = 3;
const CHUNKED = 4;
const UNTIL_CLOSE = 5;
const TUNNEL = 6;
const CLOSED = 7;

const ALPN_PROTOCOLS: readonly string[] = ['http/1.1'];
const MAX_INFORMATIONAL = 32;
/** Stay this far below the idle time a back end announces, so that it never closes under a request. */
const IDLE_MARGIN_MS = 1_000;

export class ClientConnection implements UpstreamConnection, UpstreamTunnel, ChunkSink, DialSink {
  readonly #worker: WorkerContext;
  readonly #pool: UpstreamPool;
  readonly #heads: ResponseHeadReader;
  #socket: net.Socket | null;
  #writer: RequestWriter | null;
  #exchange: Exchange | null;
  #state: number;
  #decoder: ChunkedDecoder | null;
  /** Body bytes still to come in state LENGTH. */
  #remaining: number;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;
  #reused: boolean;
  #responseKeepAlive: boolean;
  #idleLimitMs: number;
  #informational: number;
  #tunnel: DownstreamTunnel | null;
  #watch: Watch | null;

  constructor(worker: WorkerContext, pool: UpstreamPool) {
    this.#worker = worker;
    this.#pool = pool;
    this.#heads = new ResponseHeadReader(worker.responseHead);
    this.#socket = null;
    this.#writer = null;
    this.#exchange = null;
    this.#state = CONNECTING;
    this.#decoder = null;
    this.#remaining = 0;
    this.#deadlineMs = 0;
    this.#reused = false;
    this.#responseKeepAlive = false;
    this.#idleLimitMs = 0;
    this.#informational = 0;
    this.#tunnel = null;
    this.#watch = null;
  }

  get mayBeRefused(): boolean {
    return false;
  }

  get ready(): boolean {
    return this.#state > IDLE && this.#state < CLOSED;
  }

  /** Whether an idle connection may take another request. */
  get usable(): boolean {
    return this.#state === IDLE && this.#worker.clock.nowMs < this.#deadlineMs;
  }

  connect(exchange: Exchange): void {
    this.#exchange = exchange;
    const { dialer } = this.#pool;
    const client = dialer.namesClient ? exchange.downstream.addresses : null;
    this.#socket = dialer.dial(this, ALPN_PROTOCOLS, client);
    // Covers everything until the request can be sent, the TLS handshake included.
    this.#deadlineMs = this.#worker.clock.nowMs + exchange.route.policy.connectTimeoutMs;
    this.#watch = this.#worker.clock.watch(this);
  }

  /** The connection has a request, of which nothing is on its way. */
  get #unsent(): boolean {
    return this.#writer?.holds === true;
  }

  /** Sends the next request on an idle connection. */
  start(exchange: Exchange): void {
    this.#reused = true;
    this.#exchange = exchange;
    this.#send(exchange);
  }

  destroy(): void {
    this.onClosed(null);
  }

  // UpstreamConnection

  writeBody(buffer: Buffer, start: number, end: number): boolean {
    // An empty chunk would be the last one.
    if (start === end) return true;
    const chunked = this.#exchange?.body === BODY_CHUNKED;
    const flowing = (this.#writer as RequestWriter).piece(buffer, start, end, chunked);
    // While body bytes flow we wait for the client, and its own deadline counts; while they are stuck, for the back end.
    if (flowing && this.#exchange?.responseStarted !== true) this.#deadlineMs = 0;
    else if (flowing) this.#expectProgress();
    else this.#expectDrain();
    return flowing;
  }

  endBody(_trailers: readonly string[] | null): void {
    if (this.#exchange?.body === BODY_CHUNKED) this.#writer?.lastChunk();
    this.#expectProgress();
  }

  resumeResponse(): void {
    this.#expectProgress();
    this.#socket?.resume();
  }

  abandon(): void {
    this.#exchange = null;
    this.onClosed(null);
  }

  // UpstreamTunnel

  write(chunk: Buffer): boolean {
    this.#touchTunnel();
    return this.#writer?.write(chunk) ?? true;
  }

  end(): void {
    this.#writer?.end();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  onTick(nowMs: number): void {
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    if (this.#state === CONNECTING) this.#fail(Outcome.ConnectTimeout);
    else if (this.#exchange !== null) this.#fail(Outcome.ResponseTimeout);
    else this.onClosed(null);
  }

  onChunkData(buffer: Buffer, start: number, end: number): void {
    (this.#exchange as Exchange).onResponseData(buffer, start, end);
  }

  #send(exchange: Exchange): void {
    this.#state = HEAD;
    this.#informational = 0;
    this.#deadlineMs = 0;
    (this.#writer as RequestWriter).begin(exchange.requestText);
    exchange.onConnectionReady(this);
  }

  #expectProgress(): void {
    const exchange = this.#exchange;
    if (exchange !== null) this.#deadlineMs = this.#worker.clock.nowMs + exchange.route.policy.responseTimeoutMs;
  }

  #expectDrain(): void {
    const exchange = this.#exchange;
    if (exchange !== null) this.#deadlineMs = this.#worker.clock.nowMs + exchange.route.policy.sendTimeoutMs;
  }

  #touchTunnel(): void {
    this.#deadlineMs = this.#worker.clock.nowMs + this.#idleLimitMs;
  }

  // DialSink

  onConnected(socket: net.Socket): void {
    this.#socket = socket;
    this.#writer = new RequestWriter(this.#worker, new SocketWriter(socket, this.#worker.writeBuffers, this));
    if (this.#state === CONNECTING && this.#exchange !== null) this.#send(this.#exchange);
  }

  onDrain(): void {
    if (this.#state === TUNNEL) this.#tunnel?.resume();
    else this.#exchange?.onUpstreamDrain();
  }

  onRead(buffer: Buffer, bytes: number): void {
    if (this.#state === TUNNEL) {
      this.#relay(buffer, bytes);
      return;
    }
    const exchange = this.#exchange;
    // A byte nobody asked for (late data, a second answer, a 408): what follows would be taken for the next response.
    // That holds as well where the next request is chosen for this connection, and not yet written.
    if (exchange === null || this.#unsent) {
      this.onClosed(null);
      return;
    }
    const position = this.#state === HEAD ? this.#readHeads(buffer, bytes, exchange) : 0;
    if (position >= 0) this.#readBody(buffer, position, bytes, exchange);
    if (this.#exchange !== exchange) return;
    if (exchange.awaitsUpstream) this.#expectProgress();
    if (exchange.responseStarted && !exchange.downstream.flushResponse()) {
      // Now it is the client who has to make progress; its connection has the deadline.
      this.#deadlineMs = 0;
      this.#socket?.pause();
    }
  }

  /** Interim heads, then the final one. @returns where the body begins; -1 when there is nothing more to read for now */
  #readHeads(buffer: Buffer, bytes: number, exchange: Exchange): number {
    let position = 0;
    for (;;) {
      position = this.#readHead(buffer, position, bytes, exchange);
      if (position === -1 || this.#state !== HEAD) return position;
    }
  }

  #readHead(buffer: Buffer, start: number, bytes: number, exchange: Exchange): number {
    const position = this.#heads.read(buffer, start, bytes, exchange.method === 'HEAD');
    if (position === HEAD_INVALID) this.#fail(Outcome.UpstreamInvalid);
    if (position < 0) return -1;
    if (this.#worker.responseHead.status < 200) return this.#informationalHead(buffer, position, bytes, exchange);
    this.#finalHead(exchange);
    return position;
  }

  #informationalHead(buffer: Buffer, position: number, bytes: number, exchange: Exchange): number {
    const head = this.#worker.responseHead;
    if (head.status === 101) {
      if (!isOffered(head.upgrade, exchange.upgrade)) {
        this.#fail(Outcome.UpstreamInvalid);
        return -1;
      }
      this.#switchProtocols(buffer, position, bytes, exchange);
      return -1;
    }
    if (++this.#informational > MAX_INFORMATIONAL) {
      this.#fail(Outcome.UpstreamInvalid);
      return -1;
    }
    exchange.onInformational(head);
    return position < bytes ? position : -1;
  }

  #finalHead(exchange: Exchange): void {
    const head = this.#worker.responseHead;
    this.#responseKeepAlive = head.keepAlive;
    const announcedMs = head.keepAliveSeconds * 1_000 - IDLE_MARGIN_MS;
    const ownMs = this.#worker.settings.upstreamIdleTimeoutMs;
    this.#idleLimitMs = head.keepAliveSeconds === 0 ? ownMs : Math.max(0, Math.min(ownMs, announcedMs));
    if (head.body === BODY_LENGTH) {
      this.#state = LENGTH;
      this.#remaining = head.contentLength;
    } else if (head.body === BODY_CHUNKED) {
      this.#state = CHUNKED;
      this.#decoder ??= new ChunkedDecoder();
      this.#decoder.reset();
    } else if (head.body === BODY_NONE) {
      this.#state = LENGTH;
      this.#remaining = 0;
    } else this.#state = UNTIL_CLOSE;
    exchange.onResponseHead(head);
  }

  #readBody(buffer: Buffer, start: number, bytes: number, exchange: Exchange): void {
    if (this.#state === LENGTH) {
      const take = Math.min(this.#remaining, bytes - start);
      if (take > 0) exchange.onResponseData(buffer, start, start + take);
      this.#remaining -= take;
      if (this.#remaining === 0) this.#complete(exchange, start + take === bytes);
    } else if (this.#state === CHUNKED) {
      const decoder = this.#decoder as ChunkedDecoder;
      const position = decoder.decode(buffer, start, bytes, this);
      if (position === -1) this.#fail(Outcome.UpstreamInvalid);
      else if (decoder.done) this.#complete(exchange, position === bytes);
    } else if (this.#state === UNTIL_CLOSE && bytes > start) exchange.onResponseData(buffer, start, bytes);
  }

  #complete(exchange: Exchange, nothingLeftOver: boolean): void {
    this.#exchange = null;
    const reusable = this.#responseKeepAlive && nothingLeftOver && exchange.requestSent;
    if (reusable && !exchange.bindsConnection) {
      this.#state = IDLE;
      this.#deadlineMs = this.#worker.clock.nowMs + this.#idleLimitMs;
      // TLS hands on what it has decrypted also after a pause: the rest of this response came that way.
      if (this.#socket?.isPaused() === true) this.#socket.resume();
      this.#pool.release(this);
    } else this.onClosed(null);
    exchange.onResponseEnd(null);
  }

  #switchProtocols(buffer: Buffer, position: number, bytes: number, exchange: Exchange): void {
    // From here on the two sides are tied to each other: the client's end tells the exchange when all is over.
    this.#exchange = null;
    this.#state = TUNNEL;
    exchange.onSwitch();
    this.#idleLimitMs = exchange.route.policy.idleTimeoutMs;
    this.#touchTunnel();
    exchange.addFields(this.#worker.responseHead);
    exchange.downstream.startTunnel(this.#worker.responseHead, this);
    if (position < bytes) this.#relay(buffer.subarray(position), bytes - position);
  }

  attachTunnel(tunnel: DownstreamTunnel): void {
    this.#tunnel = tunnel;
  }

  #relay(buffer: Buffer, bytes: number): void {
    this.#touchTunnel();
    if (this.#tunnel?.write(Buffer.from(buffer.subarray(0, bytes))) === false) this.#socket?.pause();
  }

  onEnd(announced: boolean): void {
    if (this.#state === TUNNEL) this.#tunnel?.end();
    else if (this.#state === UNTIL_CLOSE && !announced) this.#fail(Outcome.UpstreamTruncated);
    else if (this.#state === UNTIL_CLOSE && this.#exchange !== null) {
      const exchange = this.#exchange;
      this.#responseKeepAlive = false;
      this.#complete(exchange, true);
    } else this.onClosed(null);
  }

  /** The socket is gone, or has to go: exactly once, whoever noticed first. */
  onClosed(error: NodeJS.ErrnoException | null): void {
    if (this.#state === CLOSED) return;
    const state = this.#state;
    const exchange = this.#exchange;
    const sent = state !== CONNECTING && !this.#unsent;
    this.#state = CLOSED;
    this.#exchange = null;
    this.#heads.clear();
    this.#watch?.leave();
    this.#pool.onClosed(this);
    if (state === TUNNEL && this.#socket !== null) {
      closeTunnelSocket(this.#socket, this.#writer?.ending === true, this.#worker.settings.writeTimeoutMs);
      this.#tunnel?.destroy();
      return;
    }
    this.#socket?.destroy();
    if (exchange !== null) exchange.onAttemptFailed(outcomeOf(state, error), sent, this.#reused);
  }

  #fail(outcome: Outcome): void {
    const exchange = this.#exchange;
    const sent = this.#state !== CONNECTING && !this.#unsent;
    this.#exchange = null;
    this.onClosed(null);
    exchange?.onAttemptFailed(outcome, sent, this.#reused);
  }
}

/** A 101 may name what was offered and nothing else (RFC 9110 §15.2.2). */
function isOffered(chosen: string, offer: string): boolean {
  const offered = new Set(toTokens(offer));
  const protocols = toTokens(chosen);
  return protocols.length > 0 && protocols.every((protocol) => offered.has(protocol));
}

function outcomeOf(state: number, error: NodeJS.ErrnoException | null): Outcome {
  if (state === CONNECTING) return outcomeOfDial(error);
  return state === HEAD ? Outcome.UpstreamClosed : Outcome.UpstreamTruncated;
}
