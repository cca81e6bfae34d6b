/** What the connections of one worker share: settings, clock, running state, counters, and scratch space for heads. */
import type { LiveState } from '../live/live-state.ts';
import type { AccessLogEntry } from '../log/access-log.ts';
import type { Logger } from '../log/logger.ts';
import type { WorkerSettings } from '../model/worker-messages.ts';
import { CoarseClock } from './coarse-clock.ts';
import { RequestHead } from './http1/request-head.ts';
import { ResponseHead } from './http1/response-head.ts';
import { Http2RequestHead } from './http2/request-head.ts';
import { Mirrors } from './mirror/mirrors.ts';
import { RequestIds } from './request-id.ts';
import { UpstreamContexts } from './tls/upstream-contexts.ts';
import { TurnEnd } from './turn-end.ts';
import type { UnusedTransport } from './unused-transport.ts';
import { WriteBuffers } from './write-buffers.ts';

/** Upstream sockets read into this one buffer: what must outlive the callback is copied. */
const READ_BUFFER_BYTES = 65_536;
/** At 20 µs each, the first of them waits a millisecond or two. */
const HELD_WRITES = 64;
/** How long, while draining, a client that has just connected may take to begin its first request. */
export const DRAIN_FRESH_MS = 1_000;

export class WorkerContext {
  readonly settings: WorkerSettings;
  readonly live: LiveState;
  readonly logger: Logger;
  readonly clock: CoarseClock;
  /** Of HTTP/2: a connection has one write a turn. */
  readonly turnEnd: TurnEnd;
  /** Of HTTP/1.1: what a turn has to write goes out one after the other. */
  readonly heldWrites: TurnEnd;
  readonly requestIds: RequestIds;
  readonly requestHead: RequestHead;
  readonly http2RequestHead: Http2RequestHead;
  /** Scratch space for one decoded field section, names and values in turn. */
  readonly http2Fields: string[];
  readonly responseHead: ResponseHead;
  readonly upstreamContexts: UpstreamContexts;
  /** By kind of connection, see `create-transport.ts`. */
  readonly unusedTransports: Map<string, UnusedTransport>;
  readonly readBuffer: Buffer;
  /** The same for client connections. */
  readonly acceptBuffer: Buffer;
  readonly writeBuffers: WriteBuffers;
  readonly mirrors: Mirrors;
  /** Null when the access log is off. */
  readonly onAccess: ((entry: AccessLogEntry) => void) | null;
  /** Soon to drain: answers over HTTP/1.1 close their connection. */
  leaving: boolean;
  draining: boolean;
  activeConnections: number;
  acceptedConnections: number;
  /** Closed at accept, because there were as many as there may be. */
  refusedConnections: number;
  /** Closed at accept, because their client had as many as one client may have. */
  refusedPerClient: number;
  acceptErrors: number;
  /** Sockets to endpoints, idle ones included. */
  upstreamConnections: number;
  tlsHandshakeErrors: number;
  activeRequests: number;
  totalRequests: number;
  /** Of request bodies that may have to be sent again. */
  keptBodyBytes: number;
  /** Answers without a route, by status. */
  readonly unrouted: Map<number, number>;
  #randomState: number;

  constructor(
    settings: WorkerSettings,
    live: LiveState,
    logger: Logger,
    seed: number,
    onAccess: ((entry: AccessLogEntry) => void) | null,
  ) {
    this.settings = settings;
    this.live = live;
    this.logger = logger;
    this.onAccess = onAccess;
    this.clock = new CoarseClock();
    this.turnEnd = new TurnEnd();
    this.heldWrites = new TurnEnd(HELD_WRITES);
    this.requestIds = new RequestIds();
    this.unusedTransports = new Map();
    this.requestHead = new RequestHead(settings.maxHeaders, settings.maxTargetBytes);
    this.http2RequestHead = new Http2RequestHead(settings);
    this.http2Fields = [];
    this.responseHead = new ResponseHead(settings.maxHeaders * 2);
    this.upstreamContexts = new UpstreamContexts();
    this.readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    this.acceptBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    this.writeBuffers = new WriteBuffers(READ_BUFFER_BYTES);
    this.mirrors = new Mirrors(this);
    this.leaving = false;
    this.draining = false;
    this.activeConnections = 0;
    this.acceptedConnections = 0;
    this.refusedConnections = 0;
    this.refusedPerClient = 0;
    this.acceptErrors = 0;
    this.upstreamConnections = 0;
    this.tlsHandshakeErrors = 0;
    this.activeRequests = 0;
    this.totalRequests = 0;
    this.keptBodyBytes = 0;
    this.unrouted = new Map();
    this.#randomState = seed | 1;
  }

  /** Uniform in [0, 2^31): integer xorshift32, which allocates nothing. */
  draw(): number {
    let x = this.#randomState;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#randomState = x;
    return x >>> 1;
  }

  countUnrouted(status: number): void {
    this.unrouted.set(status, (this.unrouted.get(status) ?? 0) + 1);
  }
}
