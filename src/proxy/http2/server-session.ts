/**
 * One HTTP/2 connection of a client: hands frames to the streams they belong to, judges what concerns the connection
 * (RFC 9113 §3, §5, §6), keeps its limits, and ends it: drained, idle, or for what the client did.
 * Hot.
 */
import type { Socket } from 'node:net';
import type { RosterEntry } from '../../model/roster.ts';
import type { Watch } from '../coarse-clock.ts';
import type { ListenerFacts } from '../forwarded-fields.ts';
import type { OpenConnection, OpenConnections } from '../open-connection.ts';
import { ConnectionOrigin } from '../request-origin.ts';
import { DRAIN_FRESH_MS, type WorkerContext } from '../worker-context.ts';
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
import { ResponseEncoder } from './response-encoder.ts';
import { SendScheduler } from './send-scheduler.ts';
import { Http2ServerStream } from './server-stream.ts';
import { acceptSettings } from './settings-change.ts';
import { StalledPeer } from './stalled-peer.ts';
import type { StreamOwner } from './stream-owner.ts';
import { RESET_BY_US, StreamTable } from './stream-table.ts';

const MAX_CONCURRENT_STREAMS = 100;
/** Beyond these a head is refused unread; below them, and above our own limits, it is answered 431. */
const HARD_LIMIT_FACTOR = 2;
/** Output that waits for the client to read, from which on we do not read either: what it asks for would only add to it. */
const MAX_WAITING_BYTES = 524_288;
/** How long the first GOAWAY may take to the client and back before the second follows. */
const WARNING_MS = 1_000;
/** How long, and for how many bytes, input is thrown away after our end. */
const LINGER_MS = 2_000;
const LINGER_BYTES = 1_048_576;
const DRAIN_PING: Buffer = Buffer.from('drained?', 'latin1');

const OPEN = 0;
/** GOAWAY with the highest id is out: the client should open no more streams, those under way to us are served. */
const WARNED = 1;
/** GOAWAY with the last stream served is out. */
const LEAVING = 2;
/** Our end is closed. */
const ENDED = 3;
const CLOSED = 4;

export class Http2ServerSession implements StreamOwner, FrameSink {
  readonly origin: ConnectionOrigin;
  readonly writer: FrameWriter;
  readonly encoder: ResponseEncoder;
  readonly scheduler: SendScheduler;
  readonly credit: ConnectionCredit;
  readonly settings: PeerSettings;
  readonly #worker: WorkerContext;
  readonly #socket: Socket;
  readonly #entry: RosterEntry<OpenConnection>;
  readonly #watch: Watch;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #streams: StreamTable<Http2ServerStream>;
  readonly #stalled: StalledPeer;
  readonly #guard: FloodGuard;
  #phase: number;
  /** Of the DATA frame under way. */
  #dataStream: Http2ServerStream | null;
  #dataBytes: number;
  #paddingBytes: number;
  #paused: boolean;
  #lingeredBytes: number;
  /** Coarse clock; 0 = none. Of the phase: idle, answer to the warning, end of the other side. */
  #deadlineMs: number;

  constructor(worker: WorkerContext, socket: Socket, listener: ListenerFacts, connections: OpenConnections) {
    const { maxHeadBytes, maxHeaders, headTimeoutMs } = worker.settings;
    this.#worker = worker;
    this.#socket = socket;
    this.#entry = connections.add(this);
    this.#watch = worker.clock.watch(this);
    this.origin = new ConnectionOrigin(socket, listener);
    this.writer = new FrameWriter(socket, worker.turnEnd, worker.writeBuffers, () => this.#onWritable());
    this.encoder = new ResponseEncoder(this.writer, worker.clock);
    this.scheduler = new SendScheduler(this.writer);
    this.credit = new ConnectionCredit(this.writer);
    const maxListBytes = maxHeadBytes * HARD_LIMIT_FACTOR;
    this.#reader = new FrameReader(this, { expectPreface: true, maxBlockBytes: maxListBytes });
    this.#decoder = new HpackDecoder(DEFAULT_TABLE_BYTES, maxListBytes, maxHeaders * HARD_LIMIT_FACTOR);
    this.settings = new PeerSettings();
    this.#streams = new StreamTable();
    this.#stalled = new StalledPeer(worker.clock, this.#reader, this.writer, worker.settings);
    this.#guard = new FloodGuard();
    this.#phase = OPEN;
    this.#dataStream = null;
    this.#dataBytes = 0;
    this.#paddingBytes = 0;
    this.#paused = false;
    this.#lingeredBytes = 0;
    this.#deadlineMs = worker.clock.nowMs + headTimeoutMs;
    worker.activeConnections++;
    worker.acceptedConnections++;
    socket.on('error', () => this.#close());
    // A client that will send nothing more, not even the acknowledgements the protocol asks for, is gone.
    socket.on('end', () => this.destroy());
    socket.on('close', () => this.#close());
    this.writer.settings(toSettings(maxListBytes));
    this.credit.open();
    // It waited to be accepted when the drain began, and its first request is on the way.
    if (worker.draining) this.#deadlineMs = worker.clock.nowMs + DRAIN_FRESH_MS;
  }

  /** Bytes `[0, length)` are valid during the call only. */
  onRead(buffer: Buffer, length: number): void {
    if (this.#phase >= ENDED) {
      this.#lingeredBytes += length;
      if (this.#lingeredBytes > LINGER_BYTES) this.destroy();
      return;
    }
    try {
      this.#reader.feed(buffer, 0, length);
    } catch (error) {
      this.#worker.logger.error('http2 connection failed', { error, clientIp: this.origin.peerIp });
      this.#giveUp(ErrorCode.InternalError);
    }
    this.#stalled.noteRead();
    if (this.writer.waitingBytes <= MAX_WAITING_BYTES || this.writer.flowing || this.#phase >= ENDED) return;
    this.#paused = true;
    this.#socket.pause();
  }

  /** In two steps (RFC 9113 §6.8): what the client had sent before it knew is still served. */
  drain(): void {
    if (this.#phase !== OPEN) return;
    this.#phase = WARNED;
    this.#deadlineMs = this.#worker.clock.nowMs + WARNING_MS;
    this.writer.goaway(MAX_STREAM_ID, ErrorCode.NoError);
    this.writer.ping(false, DRAIN_PING, 0);
  }

  destroy(): void {
    if (this.#phase === CLOSED) return;
    for (const stream of this.#streams.open.all()) stream.fail(ErrorCode.InternalError, false);
    if (this.#phase !== ENDED) this.writer.flush();
    this.#close();
  }

  onTick(nowMs: number): void {
    for (const stream of this.#streams.open.all()) stream.onTick(nowMs);
    if (this.#stalled.isOverdue(nowMs)) this.destroy();
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    if (this.#phase === OPEN) this.drain();
    else if (this.#phase === WARNED) this.#leave();
    else this.destroy();
  }

  // StreamOwner

  onStreamClosed(stream: Http2ServerStream, ending: number, byClient: boolean): void {
    this.#streams.close(stream, ending);
    if (byClient) this.#countReset();
    if (this.#streams.open.size > 0) return;
    if (this.#phase === OPEN) this.#deadlineMs = this.#worker.clock.nowMs + this.#worker.settings.keepAliveTimeoutMs;
    else if (this.#phase === LEAVING) this.#end(this.#worker.settings.writeTimeoutMs);
  }

  // FrameSink

  onDataHead(streamId: number, payloadBytes: number): void {
    this.#paddingBytes = payloadBytes;
    this.#dataBytes = 0;
    if (!this.credit.receive(payloadBytes)) {
      this.onConnectionError(ErrorCode.FlowControlError, 'more DATA than the connection allows');
      return;
    }
    const stream = this.#streams.open.get(streamId);
    this.#dataStream = stream;
    if (stream === null) this.#onStray(this.#streams.judgeContent(streamId));
    else stream.onDataHead(payloadBytes);
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
    if (!this.#guard.allowEmptyFrame(this.#worker.clock.nowMs)) this.#expel('too many empty frames');
  }

  onFieldBlock(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    const fields = this.#worker.http2Fields;
    // Every block is decoded, whatever becomes of it: the table of the coding depends on it (RFC 9113 §4.3).
    if (!this.#decoder.decode(buffer, start, end, fields)) {
      this.onConnectionError(ErrorCode.CompressionError, 'field block cannot be decoded');
      return;
    }
    const stream = this.#streams.open.get(streamId);
    if (stream !== null) {
      if (this.#decoder.oversized) stream.fail(ErrorCode.EnhanceYourCalm, true);
      else stream.onTrailers(fields, endStream);
    } else if (streamId > this.#streams.lastId) this.#open(streamId, endStream, fields);
    else this.#onStray(this.#streams.judgeContent(streamId));
  }

  onReset(streamId: number): void {
    const stream = this.#streams.open.get(streamId);
    if (stream !== null) stream.onReset();
    else this.#onStray(this.#streams.judgeControl(streamId));
  }

  onSettings(buffer: Buffer, start: number, end: number): void {
    if (!this.#countControlFrame()) return;
    const payload = buffer.subarray(start, end);
    const fault = acceptSettings(this.settings, this, this.#streams.open.all(), payload);
    if (fault !== ErrorCode.NoError) this.onConnectionError(fault, 'settings that cannot be accepted');
  }

  onSettingsAck(): void {
    this.#countControlFrame();
  }

  onPing(ack: boolean, buffer: Buffer, start: number): void {
    if (!this.#countControlFrame()) return;
    if (!ack) this.writer.ping(true, buffer, start);
    else if (this.#phase === WARNED && buffer.compare(DRAIN_PING, 0, 8, start, start + 8) === 0) this.#leave();
  }

  /** The client opens no more streams; those it has are finished (RFC 9113 §6.8). */
  onGoaway(): void {
    if (!this.#countControlFrame()) return;
    if (this.#phase === OPEN || this.#phase === WARNED) this.#leave();
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#guard.countSent(this.scheduler.takeSent());
    if (!this.#guard.allowWindowUpdate(this.#worker.clock.nowMs)) this.#expel('too many window updates');
    else if (streamId !== 0) this.#growStream(streamId, increment);
    else if (mayGrow(this.scheduler.window, increment)) {
      this.scheduler.window += increment;
      this.scheduler.run();
    } else this.onConnectionError(ErrorCode.FlowControlError, 'window too large');
  }

  onIgnored(): void {
    this.#countControlFrame();
  }

  onStreamError(streamId: number, code: number): void {
    const stream = this.#streams.open.get(streamId);
    if (stream !== null) stream.fail(code, true);
    else if (code === ErrorCode.FrameSizeError) this.#countControlFrame();
    else this.#onStray(this.#streams.judgeControl(streamId));
  }

  /** Broken beyond a stream (RFC 9113 §5.4.1). */
  onConnectionError(code: number, reason: string): void {
    if (this.#phase >= ENDED) return;
    this.#worker.logger.debug('http2 connection failed', { reason, code, clientIp: this.origin.peerIp });
    this.#giveUp(code);
  }

  #open(streamId: number, endStream: boolean, fields: readonly string[]): void {
    if ((streamId & 1) === 0) {
      this.onConnectionError(ErrorCode.ProtocolError, 'stream of the wrong side');
      return;
    }
    this.#guard.countStream(this.#worker.clock.nowMs);
    if (this.#streams.isBeyondLast(streamId)) {
      this.#countControlFrame();
      return;
    }
    this.#streams.lastId = streamId;
    if (this.#streams.open.size >= MAX_CONCURRENT_STREAMS) this.#refuse(streamId, ErrorCode.RefusedStream);
    else if (this.#decoder.oversized) this.#refuse(streamId, ErrorCode.EnhanceYourCalm);
    else {
      if (this.#phase === OPEN) this.#deadlineMs = 0;
      const stream = new Http2ServerStream(this.#worker, this, streamId);
      this.#streams.open.add(streamId, stream);
      stream.begin(fields, endStream);
      if (this.#worker.draining) this.drain();
    }
  }

  /** No work is begun for it. */
  #refuse(streamId: number, code: number): void {
    this.writer.reset(streamId, code);
    this.#streams.noteEnding(streamId, RESET_BY_US);
    this.#countReset();
  }

  #growStream(streamId: number, increment: number): void {
    const stream = this.#streams.open.get(streamId);
    if (stream === null) this.#onStray(this.#streams.judgeControl(streamId));
    else if (stream.grow(increment)) this.scheduler.run();
    else stream.fail(ErrorCode.FlowControlError, true);
  }

  /** A frame for a stream that is not open: usual for one that has just ended. */
  #onStray(code: number): void {
    if (code === ErrorCode.NoError) this.#countControlFrame();
    else this.onConnectionError(code, 'frame on a stream that is not open');
  }

  #countReset(): void {
    if (!this.#guard.allowReset(this.#worker.clock.nowMs)) this.#expel('too many stream resets');
  }

  #countControlFrame(): boolean {
    if (this.#guard.allowControlFrame(this.#worker.clock.nowMs)) return true;
    this.#expel('too many control frames');
    return false;
  }

  #expel(reason: string): void {
    if (this.#phase >= ENDED) return;
    this.#worker.logger.info('http2 connection closed', { reason, clientIp: this.origin.peerIp });
    this.#giveUp(ErrorCode.EnhanceYourCalm);
  }

  /** The second GOAWAY: what is beyond this stream is safe to repeat elsewhere. */
  #leave(): void {
    this.#phase = LEAVING;
    this.#streams.sealed = true;
    this.#deadlineMs = 0;
    this.writer.goaway(this.#streams.lastId, ErrorCode.NoError);
    if (this.#streams.open.size === 0) this.#end(this.#worker.settings.writeTimeoutMs);
  }

  /** GOAWAY, and all streams are over. */
  #giveUp(code: number): void {
    this.#phase = ENDED;
    for (const stream of this.#streams.open.all()) stream.fail(ErrorCode.InternalError, false);
    this.writer.goaway(this.#streams.lastId, code);
    this.#end(LINGER_MS);
  }

  /** Closes our end; input is thrown away until the client closes its own, or we have waited long enough. */
  #end(limitMs: number): void {
    this.#phase = ENDED;
    this.#reader.stop();
    const { clock } = this.#worker;
    this.#deadlineMs = clock.nowMs + limitMs;
    this.writer.end(() => {
      this.#deadlineMs = clock.nowMs + LINGER_MS;
    });
    this.#socket.resume();
  }

  #onWritable(): void {
    if (this.#phase >= ENDED) return;
    this.scheduler.run();
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #close(): void {
    if (this.#phase === CLOSED) return;
    this.#phase = CLOSED;
    this.#reader.stop();
    for (const stream of this.#streams.open.all()) stream.fail(ErrorCode.InternalError, false);
    this.writer.destroy();
    this.#watch.leave();
    this.#entry.leave();
    this.#worker.activeConnections--;
    this.#socket.destroy();
  }
}

function toSettings(maxListBytes: number): readonly number[] {
  const { EnableConnectProtocol, MaxConcurrentStreams, InitialWindowSize, MaxHeaderListSize } = SettingId;
  const own = [MaxConcurrentStreams, MAX_CONCURRENT_STREAMS, InitialWindowSize, STREAM_WINDOW_BYTES];
  return [...own, MaxHeaderListSize, maxListBytes, EnableConnectProtocol, 1];
}
