/**
 * One HTTP/2 session of a client without any socket or back end: bytes go in, frames come out at once, and each exchange
 * waits for the test to answer it.
 */
import type { Socket } from 'node:net';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { LiveState } from '../../src/live/live-state.ts';
import { Roster } from '../../src/model/roster.ts';
import type { WorkerSettings } from '../../src/model/worker-messages.ts';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { HpackDecoder } from '../../src/proxy/http2/hpack/hpack-decoder.ts';
import { Http2ServerSession } from '../../src/proxy/http2/server-session.ts';
import type { OpenConnections } from '../../src/proxy/open-connection.ts';
import type { TurnEndListener } from '../../src/proxy/turn-end.ts';
import type { UpstreamConnection } from '../../src/proxy/upstream-transport.ts';
import { WorkerContext } from '../../src/proxy/worker-context.ts';
import { type Frame, FrameType } from './http2-frames.ts';
import { DEFAULT_SETTINGS } from './in-process-proxy.ts';
import { proxyConfig, routeConfig, upstreamConfig } from './proxy-config.ts';
import { RecordingLogger } from './recording-logger.ts';

/** The side of the back end: keeps what it gets. */
export class StubConnection implements UpstreamConnection {
  readonly ready = true;
  readonly mayBeRefused = true;
  readonly exchange: Exchange;
  body: string;
  receivedBytes: number;
  ended: boolean;
  trailers: readonly string[] | null;
  abandoned: boolean;
  resumed: number;
  /** Answers the next writes of a body: false = stop. */
  flowing: boolean;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.body = '';
    this.receivedBytes = 0;
    this.ended = false;
    this.trailers = null;
    this.abandoned = false;
    this.resumed = 0;
    this.flowing = true;
  }

  writeBody(buffer: Buffer, start: number, end: number): boolean {
    this.receivedBytes += end - start;
    if (this.body.length < 1_000) this.body += buffer.toString('latin1', start, end);
    return this.flowing;
  }

  endBody(trailers: readonly string[] | null): void {
    this.ended = true;
    this.trailers = trailers;
  }

  resumeResponse(): void {
    this.resumed++;
  }

  abandon(): void {
    this.abandoned = true;
  }

  /** A whole answer, or its head and the first piece of its body. */
  answer(body = 'fine', fields = `Content-Length: ${body.length}\r\n`, more = false): boolean {
    const { exchange } = this;
    const head = exchange.worker.responseHead;
    const text = `HTTP/1.1 200 OK\r\n${fields}\r\n`;
    const bytes = Buffer.from(text, 'latin1');
    if (head.parse(bytes, 0, bytes.length, exchange.method === 'HEAD') < 0) throw new Error(`no head: ${text}`);
    exchange.onResponseHead(head);
    return this.piece(body, more);
  }

  piece(body: string, more: boolean, trailers: readonly string[] | null = null): boolean {
    const bytes = Buffer.from(body, 'latin1');
    if (bytes.length > 0) this.exchange.onResponseData(bytes, 0, bytes.length);
    if (!more) this.exchange.onResponseEnd(trailers);
    return more ? this.exchange.downstream.flushResponse() : true;
  }
}

/** Takes everything at once, or nothing while `slow`. */
class StubSocket {
  readonly remoteAddress = '127.0.0.1';
  readonly encrypted = true;
  readonly _handle = null;
  writableLength = 0;
  destroyed = false;
  ended = false;
  paused = false;
  slow = false;
  out: Buffer[] = [];
  #taken: (() => void)[] = [];

  on(): this {
    return this;
  }

  write(bytes: Buffer, _encoding: string, taken?: () => void): boolean {
    this.out.push(Buffer.from(bytes));
    if (this.slow) {
      this.writableLength += bytes.length;
      if (taken !== undefined) this.#taken.push(taken);
      return false;
    }
    taken?.();
    return true;
  }

  /** The peer reads on. */
  drain(): void {
    this.slow = false;
    this.writableLength = 0;
    for (const taken of this.#taken.splice(0)) taken();
  }

  end(onFinished?: () => void): void {
    this.ended = true;
    onFinished?.();
  }

  destroy(): void {
    this.destroyed = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** What sessions share: one worker, whose only upstream hands its exchanges to the test. */
export class SessionPlane {
  readonly worker: WorkerContext;
  readonly logger: RecordingLogger;
  onDispatch: (connection: StubConnection) => void;
  /** Of the turn under way. */
  readonly turnEnds: TurnEndListener[];

  constructor(settings: Partial<WorkerSettings> = {}) {
    this.logger = new RecordingLogger();
    this.onDispatch = () => undefined;
    this.turnEnds = [];
    const transport = {
      idleCount: 0,
      openCount: 0,
      close: (): void => undefined,
      retire: (): void => undefined,
      dispatch: (exchange: Exchange): void => {
        const connection = new StubConnection(exchange);
        exchange.connection = connection;
        exchange.onConnectionReady(connection);
        this.onDispatch(connection);
      },
    };
    const live = new LiveState(new UpstreamRegistry(() => transport, 1));
    this.worker = new WorkerContext({ ...DEFAULT_SETTINGS, ...settings }, live, this.logger, 1, null);
    this.worker.turnEnd.add = (listener): void => {
      this.turnEnds.push(listener);
    };
    const upstreams = [upstreamConfig('a', '127.0.0.1:1')];
    const routes = [routeConfig('r', 'a', { host: 'a.example' })];
    applyConfig(live, proxyConfig({ generation: 1, upstreams, routes }));
  }
}

export class SessionHarness {
  readonly worker: WorkerContext;
  readonly session: Http2ServerSession;
  readonly socket: StubSocket;
  readonly logger: RecordingLogger;
  readonly connections: StubConnection[];
  /** All that came so far. */
  readonly frames: Frame[];
  readonly #open: OpenConnections;
  readonly #decoder: HpackDecoder;
  readonly #plane: SessionPlane;

  constructor(settings: Partial<WorkerSettings> = {}, plane: SessionPlane = new SessionPlane(settings)) {
    this.connections = [];
    this.frames = [];
    this.#open = new Roster();
    this.#plane = plane;
    this.logger = plane.logger;
    this.socket = new StubSocket();
    this.#decoder = new HpackDecoder(4_096, 1_000_000, 10_000);
    this.worker = plane.worker;
    plane.onDispatch = (connection): void => {
      this.connections.push(connection);
    };
    const known = { secure: true, header: null, identity: null, trusted: null };
    const facts = { name: 'web', encrypted: true, port: 443, ...known };
    this.session = new Http2ServerSession(this.worker, this.socket as unknown as Socket, facts, this.#open);
  }

  get closed(): boolean {
    return this.#open.size === 0;
  }

  /** Each piece is a read of its own, and a turn. */
  read(...pieces: readonly Buffer[]): this {
    for (const piece of pieces) {
      if (this.socket.destroyed) break;
      const bytes = Buffer.from(piece);
      this.session.onRead(bytes, bytes.length);
      bytes.fill(0xee);
      this.#endTurn();
    }
    return this;
  }

  #endTurn(): void {
    for (const listener of this.#plane.turnEnds.splice(0)) listener.onTurnEnd();
  }

  /** Makes the turn of the event loop end, and takes what comes out. */
  turn(): this {
    this.#endTurn();
    let rest = Buffer.concat(this.socket.out.splice(0));
    while (rest.length > 0) {
      const length = rest.readUIntBE(0, 3);
      const payload = rest.subarray(9, 9 + length);
      this.frames.push({ type: rest[3] as number, flags: rest[4] as number, streamId: rest.readUInt32BE(5), payload });
      rest = rest.subarray(9 + length);
    }
    return this;
  }

  of(type: number, streamId: number): readonly Frame[] {
    return this.turn().frames.filter((frame) => frame.type === type && frame.streamId === streamId);
  }

  /** Code of the reset of a stream; -1 = none. */
  resetCode(streamId: number): number {
    return this.of(FrameType.RstStream, streamId)[0]?.payload.readUInt32BE(0) ?? -1;
  }

  /** Code of the last GOAWAY; -1 = none. */
  goawayCode(): number {
    return this.of(FrameType.Goaway, 0).at(-1)?.payload.readUInt32BE(4) ?? -1;
  }

  /** The body of a response so far, and `.` when it has ended. */
  body(streamId: number): string {
    const frames = this.turn().frames.filter((frame) => frame.streamId === streamId);
    const data = frames.filter(({ type }) => type === FrameType.Data).map(({ payload }) => payload.toString('latin1'));
    const ended = frames.some(({ type, flags }) => type <= FrameType.Headers && (flags & 1) === 1);
    return data.join('') + (ended ? '.' : '');
  }

  /** Fields of the header sections of a stream, in the order of all that came; each call goes on where the last ended. */
  fields(frame: Frame): readonly string[] {
    const fields: string[] = [];
    if (!this.#decoder.decode(frame.payload, 0, frame.payload.length, fields)) throw new Error('no field block');
    return fields;
  }

  /** As the clock does, this much later. */
  tick(afterMs: number): void {
    this.worker.clock.nowMs += afterMs;
    if (!this.closed) this.session.onTick(this.worker.clock.nowMs);
  }

  close(): void {
    this.session.destroy();
    this.worker.clock.close();
  }
}
