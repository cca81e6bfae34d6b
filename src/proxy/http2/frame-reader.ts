/**
 * Turns the bytes of an HTTP/2 peer into frames, whatever reads they come in, and refuses what no frame may look like
 * (RFC 9113 §4, §6). What frames mean on a stream or a connection is for the session, of either role, that listens.
 * Memory is bounded: DATA is handed on as slices of the read, and only a field section that came in pieces is collected.
 * Hot.
 */
import { FieldBlock, fragmentEnd, fragmentStart } from './field-block.ts';
import {
  ErrorCode,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FLAG_PADDED,
  FRAME_HEAD_BYTES,
  FrameType,
  PREFACE,
} from './frame-constants.ts';
import { frameFault, MAX_SETTINGS_BYTES } from './frame-fault.ts';
import type { FrameSink } from './frame-sink.ts';

export interface FrameReaderOptions {
  /** The peer is a client and begins with its preface (RFC 9113 §3.4). */
  readonly expectPreface: boolean;
  /** Largest field block, compressed. */
  readonly maxBlockBytes: number;
}

const IN_PREFACE = 0;
const IN_HEAD = 1;
const IN_PAD_LENGTH = 2;
const IN_DATA = 3;
const IN_BLOCK = 4;
const IN_SMALL = 5;
const IN_SKIPPED = 6;
const STOPPED = 7;

/** Of one field block; large ones are sent in frames of 16 KiB. */
const MAX_CONTINUATIONS = 32;
const PRIORITY_BYTES = 5;
const GOAWAY_BYTES = 8;

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxBlockBytes: number;
  #state: number;
  /** The frame under way. */
  #type: number;
  #flags: number;
  #streamId: number;
  /** Bytes of the current state still to come. */
  #remaining: number;
  /** Bytes to read over once the current state is complete. */
  #trailing: number;
  /** What is collected of a frame head or a short payload that came in pieces. */
  readonly #small: Buffer;
  #smallLength: number;
  /** The peer's first frame, its SETTINGS, has come (RFC 9113 §3.4). */
  #settled: boolean;
  /** Stream of the field block under way; 0 = none. */
  #blockStreamId: number;
  #blockEndsStream: boolean;
  readonly #block: FieldBlock;
  #continuations: number;

  constructor(sink: FrameSink, options: FrameReaderOptions) {
    this.#sink = sink;
    this.#maxBlockBytes = options.maxBlockBytes;
    this.#state = options.expectPreface ? IN_PREFACE : IN_HEAD;
    this.#type = 0;
    this.#flags = 0;
    this.#streamId = 0;
    this.#remaining = PREFACE.length;
    this.#trailing = 0;
    this.#small = Buffer.allocUnsafe(MAX_SETTINGS_BYTES);
    this.#smallLength = 0;
    this.#settled = false;
    this.#blockStreamId = 0;
    this.#blockEndsStream = false;
    this.#block = new FieldBlock();
    this.#continuations = 0;
  }

  /** Part of a frame or of a field block has come and the rest has not; DATA does not count. */
  get isWaiting(): boolean {
    if (this.#state === IN_HEAD) return this.#smallLength > 0 || this.#blockStreamId !== 0;
    return this.#state !== IN_DATA && this.#state !== STOPPED;
  }

  get stopped(): boolean {
    return this.#state === STOPPED;
  }

  /** Whatever comes from now on is thrown away. */
  stop(): void {
    this.#state = STOPPED;
    this.#block.clear();
  }

  /** Bytes `[start, end)` are valid during the call only. */
  feed(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case IN_HEAD:
          at = this.#readHead(buffer, at, end);
          break;
        case IN_DATA:
          at = this.#readData(buffer, at, end);
          break;
        case IN_PAD_LENGTH:
          this.#onPadLength(buffer[at++] as number);
          break;
        case IN_SMALL:
          at = this.#readSmall(buffer, at, end);
          break;
        case IN_BLOCK:
          at = this.#readBlock(buffer, at, end);
          break;
        case IN_SKIPPED:
          at = this.#readSkipped(at, end);
          break;
        case IN_PREFACE:
          at = this.#readPreface(buffer, at, end);
          break;
        default:
          return;
      }
    }
  }

  #readPreface(buffer: Buffer, start: number, end: number): number {
    const take = Math.min(this.#remaining, end - start);
    const from = PREFACE.length - this.#remaining;
    if (buffer.compare(PREFACE, from, from + take, start, start + take) !== 0) {
      this.#fail(ErrorCode.ProtocolError, 'no connection preface');
      return end;
    }
    this.#remaining -= take;
    if (this.#remaining === 0) this.#state = IN_HEAD;
    return start + take;
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    if (this.#smallLength === 0 && end - start >= FRAME_HEAD_BYTES) {
      this.#onHead(buffer, start);
      return start + FRAME_HEAD_BYTES;
    }
    const take = Math.min(FRAME_HEAD_BYTES - this.#smallLength, end - start);
    buffer.copy(this.#small, this.#smallLength, start, start + take);
    this.#smallLength += take;
    if (this.#smallLength === FRAME_HEAD_BYTES) {
      this.#smallLength = 0;
      this.#onHead(this.#small, 0);
    }
    return start + take;
  }

  #onHead(buffer: Buffer, at: number): void {
    const length = ((buffer[at] as number) << 16) | ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number);
    const type = buffer[at + 3] as number;
    const flags = buffer[at + 4] as number;
    const streamId = uint31(buffer, at + 5);
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    this.#remaining = length;
    this.#trailing = 0;
    const fault = frameFault(type, flags, length, streamId);
    if (fault !== null) this.#fail(fault.code, fault.reason);
    else if (this.#blockStreamId !== 0 && (type !== FrameType.Continuation || streamId !== this.#blockStreamId)) {
      this.#fail(ErrorCode.ProtocolError, 'frame inside a field block');
    } else if (!this.#settled && (type !== FrameType.Settings || (flags & FLAG_ACK) !== 0)) {
      this.#fail(ErrorCode.ProtocolError, 'first frame is not SETTINGS');
    } else this.#begin(length, type, flags);
  }

  #begin(length: number, type: number, flags: number): void {
    if (type === FrameType.Data) this.#beginData(length, flags);
    else if (type === FrameType.Headers || type === FrameType.Continuation) this.#beginBlock(length, type);
    else if (type === FrameType.Settings && length === 0) {
      this.#state = IN_HEAD;
      if ((flags & FLAG_ACK) === 0) this.#onSettings(this.#small, 0, 0);
      else this.#sink.onSettingsAck();
    } else if (type === FrameType.Goaway) {
      this.#trailing = length - GOAWAY_BYTES;
      this.#remaining = GOAWAY_BYTES;
      this.#state = IN_SMALL;
    } else if (type === FrameType.Priority || type > FrameType.Continuation) this.#beginIgnored(length, type);
    else this.#state = IN_SMALL;
  }

  #beginData(length: number, flags: number): void {
    const padded = (flags & FLAG_PADDED) !== 0;
    this.#state = padded ? IN_PAD_LENGTH : IN_DATA;
    if (padded) this.#remaining--;
    this.#sink.onDataHead(this.#streamId, length);
    if (length === 0) this.#endData();
  }

  #onPadLength(padLength: number): void {
    if (padLength > this.#remaining) {
      this.#fail(ErrorCode.ProtocolError, 'padding longer than its frame');
      return;
    }
    this.#remaining -= padLength;
    this.#trailing = padLength;
    this.#state = IN_DATA;
    if (this.#remaining === 0) this.#endData();
  }

  #readData(buffer: Buffer, start: number, end: number): number {
    const take = Math.min(this.#remaining, end - start);
    this.#remaining -= take;
    this.#sink.onDataPiece(buffer, start, start + take);
    if (this.#remaining === 0) this.#endData();
    return start + take;
  }

  /** The bytes are complete; padding has no meaning and is read over afterwards. */
  #endData(): void {
    if (this.#state === STOPPED) return;
    this.#skip(this.#trailing);
    this.#sink.onDataEnd((this.#flags & FLAG_END_STREAM) !== 0);
  }

  #beginBlock(length: number, type: number): void {
    if (type === FrameType.Continuation) {
      if (this.#blockStreamId === 0) {
        this.#fail(ErrorCode.ProtocolError, 'CONTINUATION without HEADERS');
        return;
      }
      if (++this.#continuations > MAX_CONTINUATIONS) {
        this.#fail(ErrorCode.EnhanceYourCalm, 'too many CONTINUATION frames');
        return;
      }
    } else {
      this.#blockStreamId = this.#streamId;
      this.#blockEndsStream = (this.#flags & FLAG_END_STREAM) !== 0;
      this.#block.clear();
      this.#continuations = 0;
    }
    if (this.#block.length + length > this.#maxBlockBytes) {
      this.#fail(ErrorCode.EnhanceYourCalm, 'field block too large');
      return;
    }
    this.#state = IN_BLOCK;
    if (length === 0) this.#endFragment();
  }

  #readBlock(buffer: Buffer, start: number, end: number): number {
    const length = this.#remaining;
    // The usual case, a block in one frame in one read, is decoded where it stands.
    if (end - start >= length && this.#block.length === 0 && this.#isWholeBlock()) {
      this.#endHeaders(buffer, start, start + length);
      return start + length;
    }
    const take = Math.min(length, end - start);
    this.#block.append(buffer, start, start + take, length);
    this.#remaining -= take;
    if (this.#remaining === 0) this.#endFragment();
    return start + take;
  }

  #isWholeBlock(): boolean {
    return this.#type === FrameType.Headers && (this.#flags & FLAG_END_HEADERS) !== 0;
  }

  /** A frame of a block is complete in `#block`. */
  #endFragment(): void {
    const block = this.#block;
    const isLast = (this.#flags & FLAG_END_HEADERS) !== 0;
    this.#state = IN_HEAD;
    if (this.#type === FrameType.Continuation) {
      if (isLast) this.#endBlock(block.bytes, 0, block.length);
    } else if (isLast) this.#endHeaders(block.bytes, 0, block.length);
    else {
      const from = fragmentStart(this.#flags, 0);
      const until = fragmentEnd(this.#flags, block.bytes, 0, block.length);
      if (this.#isFragment(from, until, block.length)) block.cut(from, until);
    }
  }

  /** A block that is whole in one HEADERS frame, whose payload this is. */
  #endHeaders(buffer: Buffer, start: number, end: number): void {
    const from = fragmentStart(this.#flags, start);
    const until = fragmentEnd(this.#flags, buffer, start, end);
    if (this.#isFragment(from, until, end)) this.#endBlock(buffer, from, until);
  }

  #isFragment(from: number, until: number, payloadEnd: number): boolean {
    if (from > payloadEnd) this.#fail(ErrorCode.FrameSizeError, 'HEADERS too short');
    else if (from > until) this.#fail(ErrorCode.ProtocolError, 'padding longer than its frame');
    else return true;
    return false;
  }

  #endBlock(buffer: Buffer, start: number, end: number): void {
    const streamId = this.#blockStreamId;
    this.#blockStreamId = 0;
    this.#state = IN_HEAD;
    this.#sink.onFieldBlock(streamId, this.#blockEndsStream, buffer, start, end);
    this.#block.clear();
  }

  #beginIgnored(length: number, type: number): void {
    this.#skip(length);
    this.#sink.onIgnored(type);
    if (type === FrameType.Priority && length !== PRIORITY_BYTES && this.#state !== STOPPED) {
      this.#sink.onStreamError(this.#streamId, ErrorCode.FrameSizeError);
    }
  }

  #readSmall(buffer: Buffer, start: number, end: number): number {
    const length = this.#remaining;
    if (this.#smallLength === 0 && end - start >= length) {
      this.#onSmall(buffer, start, length);
      return start + length;
    }
    const take = Math.min(length, end - start);
    buffer.copy(this.#small, this.#smallLength, start, start + take);
    this.#smallLength += take;
    this.#remaining -= take;
    if (this.#remaining === 0) {
      const total = this.#smallLength;
      this.#smallLength = 0;
      this.#onSmall(this.#small, 0, total);
    }
    return start + take;
  }

  #onSmall(buffer: Buffer, at: number, length: number): void {
    this.#skip(this.#trailing);
    const sink = this.#sink;
    if (this.#type === FrameType.WindowUpdate) this.#onWindowUpdate(uint31(buffer, at));
    else if (this.#type === FrameType.RstStream) sink.onReset(this.#streamId, buffer.readUInt32BE(at));
    else if (this.#type === FrameType.Ping) sink.onPing((this.#flags & FLAG_ACK) !== 0, buffer, at);
    else if (this.#type === FrameType.Settings) this.#onSettings(buffer, at, at + length);
    else sink.onGoaway(uint31(buffer, at), buffer.readUInt32BE(at + 4));
  }

  #onSettings(buffer: Buffer, start: number, end: number): void {
    this.#settled = true;
    this.#sink.onSettings(buffer, start, end);
  }

  #onWindowUpdate(increment: number): void {
    if (increment !== 0) this.#sink.onWindowUpdate(this.#streamId, increment);
    else if (this.#streamId === 0) this.#fail(ErrorCode.ProtocolError, 'WINDOW_UPDATE of 0');
    else this.#sink.onStreamError(this.#streamId, ErrorCode.ProtocolError);
  }

  #skip(bytes: number): void {
    this.#remaining = bytes;
    this.#state = bytes === 0 ? IN_HEAD : IN_SKIPPED;
  }

  #readSkipped(start: number, end: number): number {
    const take = Math.min(this.#remaining, end - start);
    this.#remaining -= take;
    if (this.#remaining === 0) this.#state = IN_HEAD;
    return start + take;
  }

  #fail(code: number, reason: string): void {
    this.stop();
    this.#sink.onConnectionError(code, reason);
  }
}

/** The highest bit is reserved and means nothing (RFC 9113 §4.1). */
function uint31(buffer: Buffer, at: number): number {
  return (
    (((buffer[at] as number) & 127) << 24) |
    ((buffer[at + 1] as number) << 16) |
    ((buffer[at + 2] as number) << 8) |
    (buffer[at + 3] as number)
  );
}
