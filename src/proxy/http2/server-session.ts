/**
 * One HTTP/2 connection of a client: opens a stream object for each request, keeps the limits of the whole connection, and
 * drains. Frames, HPACK and flow control are `node:http2`'s; which floods it stops by itself is in `docs/adr`.
 */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { ListenerFacts } from '../forwarded-fields.ts';
import type { JudgedRequest } from '../judged-request.ts';
import type { ProxyAddresses } from '../proxy-protocol/addresses.ts';
import { addressesOf } from '../proxy-protocol/socket-addresses.ts';
import { ConnectionOrigin, meetRequest } from '../request-origin.ts';
import { DRAIN_FRESH_MS, type WorkerContext } from '../worker-context.ts';
import { FloodGuard } from './flood-guard.ts';
import { Http2ServerStream, type StreamOwner } from './server-stream.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants;

const MAX_CONCURRENT_STREAMS = 100;
/** Also what one stream may have waiting in memory while its back end does not read. */
const STREAM_WINDOW_BYTES = 262_144;
/** The library returns this credit as soon as bytes arrive: it bounds what is in flight, not what waits. */
const CONNECTION_WINDOW_BYTES = 1_048_576;
/** Beyond these a head is not even collected; below them, and above our own limits, it is answered 431. */
const HARD_LIMIT_FACTOR = 2;
/** For all streams of a connection, queued responses among it. */
const MAX_SESSION_MEMORY_MB = 16;
const MAX_SETTINGS_ENTRIES = 32;
/** Broken frames, and empty DATA frames that end nothing, over the life of a connection. */
const MAX_INVALID_FRAMES = 200;
/** Streams opened beyond the limit before the client can have seen it. */
const MAX_REJECTED_STREAMS = 1_000;
/** The library's own limit on resets is wider than ours (`flood-guard.ts`), which says ENHANCE_YOUR_CALM. */
const STREAM_RESET_BURST = 5_000;
const STREAM_RESETS_PER_SECOND = 500;
/** How long a client may take to close its end after we closed ours. */
const LINGER_MS = 2_000;

export class Http2ServerSession extends ConnectionOrigin implements StreamOwner {
  readonly #worker: WorkerContext;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #onClosed: (session: Http2ServerSession) => void;
  readonly #streams: Set<Http2ServerStream>;
  readonly #guard: FloodGuard;
  /** `forwarded` is for this host; null = for one request only. */
  #hostSeen: string | null;
  /** No new streams. */
  #ending: boolean;
  #closed: boolean;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;

  /** The socket's bytes are this session's from now on, those that stand in its read queue included. */
  constructor(
    worker: WorkerContext,
    socket: Socket,
    listener: ListenerFacts,
    onClosed: (session: Http2ServerSession) => void,
  ) {
    super(listener, socket);
    this.#worker = worker;
    this.#socket = socket;
    this.#onClosed = onClosed;
    this.#streams = new Set();
    this.#guard = new FloodGuard();
    this.#hostSeen = '';
    this.#ending = false;
    this.#closed = false;
    this.#deadlineMs = worker.clock.nowMs + worker.settings.headTimeoutMs;
    worker.activeConnections++;
    worker.acceptedConnections++;
    worker.clock.watch(this);
    socket.on('error', ignore);
    // A client that will send nothing more, not even the acknowledgements the protocol asks for, is gone.
    socket.on('end', () => this.destroy());
    socket.on('close', () => this.#onClose());
    this.#session = performServerHandshake(socket, sessionOptions(worker));
    this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.#session.on('stream', (stream, _headers, flags, pairs) => this.#onStream(stream, flags, pairs));
    this.#session.on('ping', () => this.#onControlFrame());
    this.#session.on('remoteSettings', () => this.#onControlFrame());
    this.#session.on('error', (error) => this.#onError(error));
    this.#session.on('close', () => this.#lingerBriefly());
    // It waited to be accepted when the drain began, and its first request is on the way.
    if (worker.draining) this.#deadlineMs = worker.clock.nowMs + DRAIN_FRESH_MS;
  }

  get addresses(): ProxyAddresses | null {
    return this.facts.header ?? addressesOf(this.#socket);
  }

  /**
   * GOAWAY with the last stream that is served; what the client had sent beyond it is safe to repeat elsewhere. A warning
   * ahead with the highest id (RFC 9113 §6.8) is not possible: after any GOAWAY the library ignores new streams.
   */
  drain(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#session.close();
    if (this.#streams.size === 0) this.#lingerBriefly();
  }

  destroy(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#session.destroy();
    this.#socket.destroy();
    this.#onClose();
  }

  onTick(nowMs: number): void {
    for (const stream of this.#streams) stream.onTick(nowMs);
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    if (this.#ending) this.destroy();
    else this.drain();
  }

  // StreamOwner

  meet(head: JudgedRequest): void {
    if (head.host === this.#hostSeen && this.forwarded !== '') return;
    this.#hostSeen = meetRequest(this.#worker, this, head);
  }

  onStreamClosed(stream: Http2ServerStream, byClient: boolean): void {
    this.#streams.delete(stream);
    if (byClient) this.#onReset();
    if (this.#closed || this.#streams.size > 0) return;
    if (this.#ending) this.#lingerBriefly();
    else if (this.#worker.draining) this.drain();
    else this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.keepAliveTimeoutMs;
  }

  #onStream(stream: ServerHttp2Stream, flags: number, pairs: readonly string[]): void {
    this.#guard.countStream(this.#worker.clock.nowMs);
    // Reset in the same read it was opened in: no work was begun, and none must be.
    if (stream.closed || stream.destroyed) {
      stream.on('error', ignore);
      this.#onReset();
      return;
    }
    if (this.#ending) {
      stream.on('error', ignore);
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    this.#deadlineMs = 0;
    const opened = new Http2ServerStream(this.#worker, this, stream);
    this.#streams.add(opened);
    opened.begin(pairs, (flags & NGHTTP2_FLAG_END_STREAM) !== 0);
  }

  #onReset(): void {
    if (this.#guard.allowReset(this.#worker.clock.nowMs)) return;
    this.#expel('too many stream resets');
  }

  #onControlFrame(): void {
    if (this.#guard.allowControlFrame(this.#worker.clock.nowMs)) return;
    this.#expel('too many control frames');
  }

  #expel(reason: string): void {
    if (this.#ending && this.#session.destroyed) return;
    this.#ending = true;
    this.#worker.logger.info('http2 connection closed', { reason, clientIp: this.told?.peerIp ?? this.clientIp });
    this.#session.destroy(new Error(reason), NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Floods and broken frames the library found end here; it has sent its GOAWAY. */
  #onError(error: Error): void {
    this.#worker.logger.debug('http2 connection failed', { error, clientIp: this.told?.peerIp ?? this.clientIp });
  }

  #lingerBriefly(): void {
    this.#ending = true;
    if (!this.#closed) this.#deadlineMs = this.#worker.clock.nowMs + LINGER_MS;
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ending = true;
    this.#worker.clock.unwatch(this);
    this.#worker.activeConnections--;
    this.#session.destroy();
    this.#onClosed(this);
  }
}

/** What a client may do, told to it or to the library (rules of RFC 9113 §10.5). */
function sessionOptions(worker: WorkerContext): Parameters<typeof performServerHandshake>[1] {
  const { maxHeadBytes, maxHeaders } = worker.settings;
  return {
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
    maxSettings: MAX_SETTINGS_ENTRIES,
    maxHeaderListPairs: maxHeaders * HARD_LIMIT_FACTOR,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
    streamResetBurst: STREAM_RESET_BURST,
    streamResetRate: STREAM_RESETS_PER_SECOND,
    // Which response fields may repeat is the back end's business, as with HTTP/1.1 clients.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
      maxHeaderListSize: maxHeadBytes * HARD_LIMIT_FACTOR,
      initialWindowSize: STREAM_WINDOW_BYTES,
    },
  };
}

/** Errors of a socket are followed by its `close`, and those of a stream by its own. */
function ignore(): void {}
