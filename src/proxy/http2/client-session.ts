/**
 * One HTTP/2 connection to a back end: opens streams for exchanges, keeps the limits of the whole connection, and leaves
 * when it is told to, has nothing to do, or cannot trust its peer any more. The peer is as untrusted as a client is.
 * Hot.
 */
import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { Outcome } from '../outcome.ts';
import type { WorkerContext } from '../worker-context.ts';
import { type ClientStreamOwner, Http2ClientStream } from './client-stream.ts';
import { ConnectionCredit } from './connection-credit.ts';
import { FloodGuard } from './flood-guard.ts';
import { mayGrow } from './flow-window.ts';
import { DEFAULT_TABLE_BYTES, ErrorCode, MAX_STREAM_ID, SettingId } from './frame-constants.ts';
import { FrameReader } from './frame-reader.ts';
import type { FrameSink } from './frame-sink.ts';
import { FrameWriter } from './frame-writer.ts';
import { HpackDecoder } from './hpack/hpack-decoder.ts';
import { STREAM_WINDOW_BYTES } from './incoming-body.ts';
import { PeerSettings } from './peer-settings.ts';
import { RequestEncoder } from './request-encoder.ts';
import { SendScheduler } from './send-scheduler.ts';

const CONNECTING = 0;
const OPEN = 1;
/** GOAWAY and FIN are on their way. */
const ENDED = 2;
const CLOSED = 3;

/** More streams than this share the memory and the fate of one connection badly; what peers usually allow is 100 to 250. */
const MAX_STREAMS = 100;
/** The same as for HTTP/1.1. */
const MAX_LIST_BYTES = 32_768;
/** A block as it is sent can be longer than the list it means, but not by much. */
const MAX_BLOCK_BYTES = 65_536;
/** A peer must not make us collect answers to its PINGs without reading them. */
const MAX_WAITING_BYTES = 262_144;

/** What a session tells its pool. */
export interface SessionOwner {
  onSessionClosed(session: Http2ClientSession): void;
}

export class Http2ClientSession implements FrameSink, ClientStreamOwner {
  readonly writer: FrameWriter;
  readonly encoder: RequestEncoder;
  readonly scheduler: SendScheduler;
  readonly credit: ConnectionCredit;
  reads: number;
  served: boolean;
  readonly #worker: WorkerContext;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #settings: PeerSettings;
  readonly #guard: FloodGuard;
  readonly #streams: Map<number, Http2ClientStream>;
  /** Wait for the connection to open. */
  readonly #pending: Set<Http2ClientStream>;
  /** Have something for their clients from this read. */
  readonly #touched: Http2ClientStream[];
  #phase: number;
  /** No new streams; those there are may end. */
  #leaving: boolean;
  #nextStreamId: number;
  /** The DATA frame under way. */
  #dataStream: Http2ClientStream | null;
  #paddingBytes: number;
  #dataBytes: number;
  /** We sent something since the last PING: such are answers to it (measuring of bandwidth), not a flood. */
  #sentSincePing: boolean;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;

  /** @param dial opens the socket, whose events are to be handed to the session */
  constructor(
    worker: WorkerContext,
    owner: SessionOwner,
    dial: (session: Http2ClientSession) => Socket,
    encrypted: boolean,
  ) {
    this.#worker = worker;
    this.#owner = owner;
    this.reads = 0;
    this.served = false;
    this.#decoder = new HpackDecoder(DEFAULT_TABLE_BYTES, MAX_LIST_BYTES, worker.settings.maxHeaders * 2);
    this.#settings = new PeerSettings();
    this.#guard = new FloodGuard();
    this.#streams = new Map();
    this.#pending = new Set();
    this.#touched = [];
    this.#phase = CONNECTING;
    this.#leaving = false;
    this.#nextStreamId = 1;
    this.#dataStream = null;
    this.#paddingBytes = 0;
    this.#dataBytes = 0;
    this.#sentSincePing = false;
    this.#deadlineMs = 0;
    this.#reader = new FrameReader(this, { expectPreface: false, maxBlockBytes: MAX_BLOCK_BYTES });
    this.#socket = dial(this);
    this.writer = new FrameWriter(this.#socket, worker.turnEnd, worker.writeBuffers, () => this.#onWritable());
    this.encoder = new RequestEncoder(this.writer, encrypted);
    this.scheduler = new SendScheduler(this.writer);
    this.credit = new ConnectionCredit(this.writer);
    worker.clock.watch(this);
  }

  /** Whether another exchange may be put on this connection. */
  get hasRoom(): boolean {
    if (this.#leaving || this.#phase > OPEN || this.#nextStreamId > MAX_STREAM_ID) return false;
    const count = this.#streams.size + this.#pending.size;
    return count < MAX_STREAMS && count < this.#settings.maxConcurrentStreams;
  }

  get isIdle(): boolean {
    return this.#phase === OPEN && this.#streams.size === 0;
  }

  get initialWindow(): number {
    return this.#settings.initialWindowBytes;
  }

  /** `hasRoom` must be true. */
  carry(exchange: Exchange): void {
    const stream = new Http2ClientStream(this.#worker, this, exchange);
    exchange.connection = stream;
    this.#deadlineMs = 0;
    if (this.#phase === CONNECTING) this.#pending.add(stream);
    else this.#start(stream);
  }

  /** Closes as soon as nothing is under way. */
  leave(): void {
    this.#leaving = true;
    if (this.#streams.size === 0 && this.#pending.size === 0) this.#end(ErrorCode.NoError);
  }

  onTick(nowMs: number): void {
    for (const stream of this.#streams.values()) stream.onTick(nowMs);
    for (const stream of this.#pending) stream.onTick(nowMs);
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    if (this.#phase === OPEN) this.#end(ErrorCode.NoError);
    else this.#close(Outcome.ConnectFailed);
  }

  // From the socket.

  onConnected(): void {
    if (this.#phase !== CONNECTING) return;
    this.#phase = OPEN;
    this.writer.preface();
    this.writer.settings([
      SettingId.EnablePush,
      0,
      SettingId.InitialWindowSize,
      STREAM_WINDOW_BYTES,
      SettingId.MaxHeaderListSize,
      MAX_LIST_BYTES,
    ]);
    this.credit.open();
    for (const stream of this.#pending) {
      this.#pending.delete(stream);
      this.#start(stream);
    }
  }

  /** Bytes `[0, length)` are valid during the call only. */
  onRead(buffer: Buffer, length: number): void {
    if (this.#phase >= ENDED) return;
    this.reads++;
    try {
      this.#reader.feed(buffer, 0, length);
      this.#flushTouched();
    } catch (error) {
      this.#worker.logger.error('http2 connection to an endpoint failed', { error });
      this.#fail(ErrorCode.InternalError);
    }
    if (this.#phase < ENDED && this.writer.waitingBytes > MAX_WAITING_BYTES && !this.writer.flowing) {
      this.#socket.pause();
    }
  }

  /** The writer hears of it by itself. */
  onDrain(): void {}

  onEnd(): void {
    this.#close(Outcome.ConnectFailed);
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#close(error?.code === 'ETIMEDOUT' ? Outcome.ConnectTimeout : Outcome.ConnectFailed);
  }

  // ClientStreamOwner

  touch(stream: Http2ClientStream): void {
    if (stream.isTouched) return;
    stream.isTouched = true;
    this.#touched.push(stream);
  }

  onStreamClosed(stream: Http2ClientStream): void {
    if (stream.id === 0) this.#pending.delete(stream);
    else this.#streams.delete(stream.id);
    if (this.#streams.size > 0 || this.#pending.size > 0 || this.#phase > OPEN) return;
    // Nobody waits for a connection that is not there yet.
    if (this.#leaving || this.#phase === CONNECTING) this.#end(ErrorCode.NoError);
    else this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.upstreamIdleTimeoutMs;
  }

  /** Perhaps nobody is there any more: no further requests for it. */
  onSilence(): void {
    this.#leaving = true;
  }

  // FrameSink

  onDataHead(streamId: number, payloadBytes: number): void {
    this.#paddingBytes = payloadBytes;
    this.#dataBytes = 0;
    if (!this.credit.receive(payloadBytes)) {
      this.onConnectionError(ErrorCode.FlowControlError, 'more DATA than the connection allows');
      return;
    }
    const stream = this.#find(streamId);
    this.#dataStream = stream;
    stream?.onDataHead(payloadBytes);
  }

  onDataPiece(buffer: Buffer, start: number, end: number): void {
    this.#paddingBytes -= end - start;
    this.#dataBytes += end - start;
    this.#dataStream?.onData(buffer, start, end);
  }

  onDataEnd(endStream: boolean): void {
    const stream = this.#dataStream;
    this.#dataStream = null;
    this.credit.settle();
    if (stream !== null) stream.onDataEnd(this.#paddingBytes, endStream);
    if (this.#dataBytes > 0 || endStream) return;
    if (!this.#guard.allowEmptyFrame(this.#worker.clock.nowMs)) this.#calm('too many empty frames');
  }

  onFieldBlock(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    const fields = this.#worker.http2Fields;
    // Every block is decoded, whatever becomes of it: the table of the coding depends on it (RFC 9113 §4.3).
    if (!this.#decoder.decode(buffer, start, end, fields)) {
      this.onConnectionError(ErrorCode.CompressionError, 'field block cannot be decoded');
      return;
    }
    const stream = this.#find(streamId);
    if (stream === null) {
      this.#countControlFrame();
      return;
    }
    this.served = true;
    stream.onFields(fields, endStream, this.#decoder.oversized);
  }

  onReset(streamId: number, code: number): void {
    const stream = this.#find(streamId);
    if (stream === null) this.#countControlFrame();
    else stream.onReset(code);
  }

  onSettings(buffer: Buffer, start: number, end: number): void {
    if (!this.#countControlFrame()) return;
    const settings = this.#settings;
    const before = settings.initialWindowBytes;
    const fault = settings.apply(buffer, start, end);
    if (fault !== ErrorCode.NoError) {
      this.onConnectionError(fault, 'invalid setting');
      return;
    }
    this.encoder.hpack.limitTable(settings.headerTableBytes);
    this.writer.settingsAck();
    const change = settings.initialWindowBytes - before;
    if (change === 0) return;
    for (const stream of this.#streams.values()) {
      if (stream.grow(change)) continue;
      this.onConnectionError(ErrorCode.FlowControlError, 'window too large');
      return;
    }
    this.scheduler.run();
  }

  onSettingsAck(): void {
    this.#countControlFrame();
  }

  onPing(ack: boolean, buffer: Buffer, start: number): void {
    const sentBytes = this.scheduler.takeSent();
    this.#guard.countSent(sentBytes);
    if (this.#sentSincePing || sentBytes > 0) this.#sentSincePing = false;
    else if (!this.#countControlFrame()) return;
    if (!ack) this.writer.ping(true, buffer, start);
  }

  onGoaway(lastStreamId: number, code: number): void {
    if (!this.#countControlFrame()) return;
    if (code !== ErrorCode.NoError) this.#worker.logger.debug('endpoint ends an http2 connection', { code });
    this.#leaving = true;
    for (const [id, stream] of this.#streams) if (id > lastStreamId) stream.onNotProcessed();
    if (this.#streams.size === 0) this.#end(ErrorCode.NoError);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#guard.countSent(this.scheduler.takeSent());
    if (!this.#guard.allowWindowUpdate(this.#worker.clock.nowMs)) this.#calm('too many window updates');
    else if (streamId === 0) this.#growConnection(increment);
    else {
      const stream = this.#find(streamId);
      if (stream?.grow(increment) === false) stream.onMalformed(ErrorCode.FlowControlError);
      this.scheduler.run();
    }
  }

  onIgnored(_type: number): void {
    this.#countControlFrame();
  }

  onStreamError(streamId: number, code: number): void {
    this.#find(streamId)?.onMalformed(code);
  }

  onConnectionError(code: number, reason: string): void {
    this.#worker.logger.debug('http2 connection to an endpoint failed', { reason });
    this.#fail(code);
  }

  #start(stream: Http2ClientStream): void {
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    this.#streams.set(id, stream);
    this.#guard.countStream(this.#worker.clock.nowMs);
    this.#sentSincePing = true;
    stream.start(id);
  }

  /** Null for a stream that is over; a frame for one we never opened ends the connection (RFC 9113 §5.1). */
  #find(streamId: number): Http2ClientStream | null {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) return stream;
    if (streamId % 2 === 0 || streamId >= this.#nextStreamId) {
      this.onConnectionError(ErrorCode.ProtocolError, 'frame for a stream that was not opened');
    }
    return null;
  }

  #growConnection(increment: number): void {
    if (!mayGrow(this.scheduler.window, increment)) {
      this.onConnectionError(ErrorCode.FlowControlError, 'window too large');
      return;
    }
    this.scheduler.window += increment;
    this.scheduler.run();
  }

  #onWritable(): void {
    if (this.#phase >= ENDED) return;
    this.#socket.resume();
    this.scheduler.run();
  }

  #flushTouched(): void {
    const touched = this.#touched;
    for (let at = 0; at < touched.length; at++) {
      const stream = touched[at] as Http2ClientStream;
      stream.isTouched = false;
      stream.flush();
    }
    touched.length = 0;
  }

  #countControlFrame(): boolean {
    if (this.#guard.allowControlFrame(this.#worker.clock.nowMs)) return true;
    this.#calm('too many control frames');
    return false;
  }

  #calm(reason: string): void {
    this.onConnectionError(ErrorCode.EnhanceYourCalm, reason);
  }

  /** The peer cannot be trusted any more: every exchange on the connection fails. */
  #fail(code: number): void {
    if (this.#phase >= ENDED) return;
    this.#end(code);
    for (const stream of this.#streams.values()) stream.onConnectionInvalid();
  }

  /** GOAWAY, then the end of what we send; the peer's side need not be waited for. */
  #end(code: number): void {
    if (this.#phase === CONNECTING) this.#close(Outcome.ConnectFailed);
    if (this.#phase >= ENDED) return;
    this.#phase = ENDED;
    this.#reader.stop();
    this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
    this.writer.goaway(0, code);
    this.writer.end(() => this.#close(Outcome.ConnectFailed));
  }

  /**
   * The socket is gone, or has to go: exactly once, whoever noticed first.
   * @param outcome of exchanges that wait for the connection to open
   */
  #close(outcome: Outcome): void {
    if (this.#phase === CLOSED) return;
    this.#phase = CLOSED;
    this.#deadlineMs = 0;
    this.#reader.stop();
    this.#worker.clock.unwatch(this);
    this.writer.destroy();
    this.#socket.destroy();
    this.#owner.onSessionClosed(this);
    for (const stream of this.#pending) stream.onConnectFailed(outcome);
    for (const stream of this.#streams.values()) stream.onConnectionLost();
  }
}
