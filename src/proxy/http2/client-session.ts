/**
 * One HTTP/2 connection to a back end: opens streams for exchanges, keeps the limits of the whole connection, and leaves
 * when it is told to, has nothing to do, or cannot trust its peer any more. The peer is as untrusted as a client is.
 * Hot.
 */
import type { Socket } from 'node:net';
import type { Watch } from '../coarse-clock.ts';
import type { Exchange } from '../exchange.ts';
import { Outcome, outcomeOfDial } from '../outcome.ts';
import type { DialSink } from '../upstream-dialer.ts';
import type { WorkerContext } from '../worker-context.ts';
import { ClientOutput } from './client-output.ts';
import { type ClientStreamOwner, Http2ClientStream } from './client-stream.ts';
import { ClientStreams } from './client-streams.ts';
import { FloodGuard } from './flood-guard.ts';
import { mayGrow } from './flow-window.ts';
import { DEFAULT_TABLE_BYTES, ErrorCode } from './frame-constants.ts';
import { FrameReader } from './frame-reader.ts';
import type { FrameSink } from './frame-sink.ts';
import { HpackDecoder } from './hpack/hpack-decoder.ts';
import { PeerSettings } from './peer-settings.ts';
import { acceptSettings } from './settings-change.ts';

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
  /** Streams the endpoint last said it allows on a connection; a new one is held to it until its own SETTINGS have come. */
  streamLimit: number;
  onSessionClosed(session: Http2ClientSession): void;
}

export class Http2ClientSession implements DialSink, FrameSink, ClientStreamOwner {
  reads: number;
  served: boolean;
  readonly #worker: WorkerContext;
  readonly #owner: SessionOwner;
  readonly #encrypted: boolean;
  #socket: Socket;
  /** Null until `onConnected`. */
  #output: ClientOutput | null;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #settings: PeerSettings;
  #settingsSeen: boolean;
  readonly #guard: FloodGuard;
  readonly #streams: ClientStreams;
  readonly #watch: Watch;
  #phase: number;
  /** No new streams; those there are may end. */
  #leaving: boolean;
  /** The DATA frame under way. */
  #dataStream: Http2ClientStream | null;
  #paddingBytes: number;
  #dataBytes: number;
  /** We sent something since the last PING: such are answers to it (measuring of bandwidth), not a flood. */
  #sentSincePing: boolean;
  /** Coarse clock; 0 = none. */
  #deadlineMs: number;

  /** @param dial opens the socket; nothing is called before it returns */
  constructor(worker: WorkerContext, owner: SessionOwner, dial: (sink: DialSink) => Socket, encrypted: boolean) {
    this.#worker = worker;
    this.#owner = owner;
    this.reads = 0;
    this.served = false;
    this.#decoder = new HpackDecoder(DEFAULT_TABLE_BYTES, MAX_LIST_BYTES, worker.settings.maxHeaders * 2);
    this.#settings = new PeerSettings();
    this.#settingsSeen = false;
    this.#guard = new FloodGuard();
    this.#streams = new ClientStreams();
    this.#phase = CONNECTING;
    this.#leaving = false;
    this.#dataStream = null;
    this.#paddingBytes = 0;
    this.#dataBytes = 0;
    this.#sentSincePing = false;
    this.#deadlineMs = 0;
    this.#reader = new FrameReader(this, { expectPreface: false, maxBlockBytes: MAX_BLOCK_BYTES });
    this.#encrypted = encrypted;
    this.#output = null;
    this.#socket = dial(this);
    this.#watch = worker.clock.watch(this);
  }

  /** Whether another exchange may be put on this connection. */
  get hasRoom(): boolean {
    if (this.#leaving || this.#phase > OPEN || !this.#streams.hasIds) return false;
    const { count } = this.#streams;
    const limit = this.#settingsSeen ? this.#settings.maxConcurrentStreams : this.#owner.streamLimit;
    return count < MAX_STREAMS && count < limit;
  }

  get isIdle(): boolean {
    return this.#phase === OPEN && this.#streams.count === 0;
  }

  get initialWindow(): number {
    return this.#settings.initialWindowBytes;
  }

  get output(): ClientOutput {
    return this.#output as ClientOutput;
  }

  /** `hasRoom` must be true. */
  carry(exchange: Exchange): void {
    const stream = new Http2ClientStream(this.#worker, this, exchange);
    exchange.connection = stream;
    this.#deadlineMs = 0;
    if (this.#phase === CONNECTING) this.#streams.pending.add(stream);
    else this.#start(stream);
  }

  /** Closes as soon as nothing is under way. */
  leave(): void {
    this.#leaving = true;
    if (this.#streams.count === 0) this.#end(ErrorCode.NoError);
  }

  onTick(nowMs: number): void {
    this.#streams.onTick(nowMs);
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    if (this.#phase === OPEN) this.#end(ErrorCode.NoError);
    else this.#close(Outcome.ConnectFailed);
  }

  // From the socket.

  onConnected(socket: Socket): void {
    if (this.#phase !== CONNECTING) {
      socket.destroy();
      return;
    }
    this.#phase = OPEN;
    this.#socket = socket;
    this.#output = new ClientOutput(this.#worker, socket, this.#encrypted, () => this.#onWritable());
    this.#output.open(MAX_LIST_BYTES);
    for (const stream of this.#streams.pending) {
      this.#streams.pending.delete(stream);
      this.#start(stream);
    }
  }

  /** Bytes `[0, length)` are valid during the call only. */
  onRead(buffer: Buffer, length: number): void {
    if (this.#phase >= ENDED) return;
    this.reads++;
    try {
      this.#reader.feed(buffer, 0, length);
      this.#streams.flushTouched();
    } catch (error) {
      this.#worker.logger.error('http2 connection to an endpoint failed', { error });
      this.#fail(ErrorCode.InternalError);
    }
    if (this.#phase < ENDED && this.output.writer.waitingBytes > MAX_WAITING_BYTES && !this.output.writer.flowing) {
      this.#socket.pause();
    }
  }

  onEnd(): void {
    this.#close(Outcome.ConnectFailed);
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#close(outcomeOfDial(error));
  }

  // ClientStreamOwner

  touch(stream: Http2ClientStream): void {
    this.#streams.touch(stream);
  }

  onStreamClosed(stream: Http2ClientStream): void {
    this.#streams.remove(stream);
    if (this.#streams.count > 0 || this.#phase > OPEN) return;
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
    if (!this.output.credit.receive(payloadBytes)) {
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
    this.output.credit.settle();
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
    const payload = buffer.subarray(start, end);
    const fault = acceptSettings(this.#settings, this.output, this.#streams.open.all(), payload);
    this.#settingsSeen = true;
    if (fault !== ErrorCode.NoError) this.onConnectionError(fault, 'settings that cannot be accepted');
    else this.#owner.streamLimit = this.#settings.maxConcurrentStreams;
  }

  onSettingsAck(): void {
    this.#countControlFrame();
  }

  onPing(ack: boolean, buffer: Buffer, start: number): void {
    const sentBytes = this.output.scheduler.takeSent();
    this.#guard.countSent(sentBytes);
    if (this.#sentSincePing || sentBytes > 0) this.#sentSincePing = false;
    else if (!this.#countControlFrame()) return;
    if (!ack) this.output.writer.ping(true, buffer, start);
  }

  onGoaway(lastStreamId: number, code: number): void {
    if (!this.#countControlFrame()) return;
    if (code !== ErrorCode.NoError) this.#worker.logger.debug('endpoint ends an http2 connection', { code });
    this.#leaving = true;
    for (const stream of this.#streams.open.all()) if (stream.id > lastStreamId) stream.onNotProcessed();
    if (this.#streams.open.size === 0) this.#end(ErrorCode.NoError);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#guard.countSent(this.output.scheduler.takeSent());
    if (!this.#guard.allowWindowUpdate(this.#worker.clock.nowMs)) this.#calm('too many window updates');
    else if (streamId === 0) this.#growConnection(increment);
    else {
      const stream = this.#find(streamId);
      if (stream?.grow(increment) === false) stream.onMalformed(ErrorCode.FlowControlError);
      this.output.scheduler.run();
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
    const id = this.#streams.add(stream);
    this.#guard.countStream(this.#worker.clock.nowMs);
    this.#sentSincePing = true;
    stream.start(id);
  }

  /** Null for a stream that is over; a frame for one we never opened ends the connection (RFC 9113 §5.1). */
  #find(streamId: number): Http2ClientStream | null {
    const stream = this.#streams.open.get(streamId);
    if (stream === null && !this.#streams.wasOpened(streamId)) {
      this.onConnectionError(ErrorCode.ProtocolError, 'frame for a stream that was not opened');
    }
    return stream;
  }

  #growConnection(increment: number): void {
    if (!mayGrow(this.output.scheduler.window, increment)) {
      this.onConnectionError(ErrorCode.FlowControlError, 'window too large');
      return;
    }
    this.output.scheduler.window += increment;
    this.output.scheduler.run();
  }

  #onWritable(): void {
    if (this.#phase >= ENDED) return;
    this.#socket.resume();
    this.output.scheduler.run();
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
    for (const stream of this.#streams.open.all()) stream.onConnectionInvalid();
  }

  /** GOAWAY, then the end of what we send; the peer's side need not be waited for. */
  #end(code: number): void {
    if (this.#phase === CONNECTING) this.#close(Outcome.ConnectFailed);
    if (this.#phase >= ENDED) return;
    this.#phase = ENDED;
    this.#reader.stop();
    this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.writeTimeoutMs;
    this.output.writer.goaway(0, code);
    this.output.writer.end(() => this.#close(Outcome.ConnectFailed));
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
    this.#watch.leave();
    this.#output?.writer.destroy();
    this.#socket.destroy();
    this.#owner.onSessionClosed(this);
    for (const stream of this.#streams.pending) stream.onConnectFailed(outcome);
    for (const stream of this.#streams.open.all()) stream.onConnectionLost();
  }
}
