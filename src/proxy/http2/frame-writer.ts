/**
 * Puts the frames of one HTTP/2 connection, of either role, together and hands them to its socket once a turn, so that
 * they share a write and a TLS record. Knows when the peer does not read: then DATA has to wait, while control frames,
 * which the session counts and limits, are still collected.
 * Hot: bytes of a body are copied once, from the read they came in to the write they leave in.
 */
import type { Socket } from 'node:net';
import { SocketWriter, type WriteListener } from '../socket-writer.ts';
import type { TurnEnd, TurnEndListener } from '../turn-end.ts';
import type { WriteBuffers } from '../write-buffers.ts';
import {
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEAD_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  PREFACE,
} from './frame-constants.ts';

/** While an earlier write is not out, less than this is not worth another one, and the memory it would hold. */
const LEAST_WRITE_BYTES = 16_384;
/** DATA frames shorter than this are not begun at the end of a buffer. */
const LEAST_ROOM_BYTES = 1_024;
const FLAGS_AT = 4;

export class FrameWriter implements TurnEndListener, WriteListener {
  /** Where the head of the last frame of a stream stands, for `endStreamAt`: valid while `epoch` is the same. */
  epoch: number;
  /** How often the peer has read all there was, after it had not: its progress. */
  drains: number;
  readonly #socket: Socket;
  readonly #output: SocketWriter;
  readonly #turnEnd: TurnEnd;
  readonly #buffers: WriteBuffers;
  readonly #onWritable: () => void;
  /** Frames are put together here; null while there are none. */
  #target: Buffer | null;
  #length: number;
  /** The socket takes no more until `onDrain`. */
  #blocked: boolean;
  /** Filled meanwhile. */
  readonly #full: Buffer[];
  readonly #fullLengths: number[];
  #fullBytes: number;
  /** Somebody was told to wait for `onWritable`. */
  #congested: boolean;
  #scheduled: boolean;
  #ended: boolean;

  /** @param onWritable called when `flowing` has become true again */
  constructor(socket: Socket, turnEnd: TurnEnd, buffers: WriteBuffers, onWritable: () => void) {
    this.epoch = 0;
    this.drains = 0;
    this.#socket = socket;
    this.#output = new SocketWriter(socket, buffers, this);
    this.#turnEnd = turnEnd;
    this.#buffers = buffers;
    this.#onWritable = onWritable;
    this.#target = null;
    this.#length = 0;
    this.#blocked = false;
    this.#full = [];
    this.#fullLengths = [];
    this.#fullBytes = 0;
    this.#congested = false;
    this.#scheduled = false;
    this.#ended = false;
  }

  /** False: the socket is full, and so is what is put together behind it. */
  get flowing(): boolean {
    if (!this.#blocked || (this.#full.length === 0 && this.#room() >= LEAST_ROOM_BYTES)) return true;
    this.#congested = true;
    return false;
  }

  /** Put together, and not handed to the socket. */
  get waitingBytes(): number {
    return this.#fullBytes + this.#length;
  }

  /** The socket has not taken all it was given. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Bytes the next DATA frame may carry; 0 = none may be written until `onWritable`. */
  dataRoom(): number {
    let room = this.#room();
    if (room < LEAST_ROOM_BYTES && !this.#blocked) {
      this.flush();
      room = this.#room();
    }
    if (this.#full.length > 0 || room < LEAST_ROOM_BYTES) {
      this.#congested = true;
      return 0;
    }
    return room < MAX_FRAME_BYTES ? room : MAX_FRAME_BYTES;
  }

  /**
   * At most `dataRoom()` bytes.
   * @returns where the frame stands, for `endStreamAt`
   */
  data(streamId: number, source: Buffer, start: number, end: number, endStream: boolean): number {
    const at = this.reserve(FRAME_HEAD_BYTES + end - start);
    const target = this.#target as Buffer;
    this.#writeHead(at, end - start, FrameType.Data, endStream ? FLAG_END_STREAM : 0, streamId);
    if (end > start) source.copy(target, at + FRAME_HEAD_BYTES, start, end);
    this.#length = at + FRAME_HEAD_BYTES + end - start;
    return at;
  }

  /** Sets END_STREAM on a frame that is not on its way yet. */
  endStreamAt(at: number): void {
    const target = this.#target as Buffer;
    target[at + FLAGS_AT] = (target[at + FLAGS_AT] as number) | FLAG_END_STREAM;
  }

  /**
   * Room for a field block of up to `bytes`: it is to be encoded into `target`, from what is returned on, and then given
   * to `endBlock`.
   */
  beginBlock(bytes: number): number {
    // A long one needs more heads later.
    const heads = 2 + Math.floor(bytes / MAX_FRAME_BYTES);
    return this.reserve(bytes + heads * FRAME_HEAD_BYTES) + FRAME_HEAD_BYTES;
  }

  /** Valid after `reserve` or `beginBlock`, until the next call of this object. */
  get target(): Buffer {
    return this.#target as Buffer;
  }

  /**
   * The block stands in `target`, from `start` to `end`.
   * @returns where the frame stands, for `endStreamAt`
   */
  endBlock(streamId: number, start: number, end: number, endStream: boolean): number {
    const at = start - FRAME_HEAD_BYTES;
    const flags = endStream ? FLAG_END_STREAM : 0;
    if (end - start <= MAX_FRAME_BYTES) {
      this.#writeHead(at, end - start, FrameType.Headers, flags | FLAG_END_HEADERS, streamId);
      this.#length = end;
    } else this.#splitBlock(streamId, start, end, flags);
    return at;
  }

  reset(streamId: number, code: number): void {
    this.#uint32Frame(FrameType.RstStream, streamId, code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#uint32Frame(FrameType.WindowUpdate, streamId, increment);
  }

  /** @param entries identifiers and values in turn */
  settings(entries: readonly number[]): void {
    const bytes = entries.length * 3;
    let at = this.reserve(FRAME_HEAD_BYTES + bytes);
    const target = this.#target as Buffer;
    this.#writeHead(at, bytes, FrameType.Settings, 0, 0);
    at += FRAME_HEAD_BYTES;
    for (let index = 0; index < entries.length; index += 2) {
      at = target.writeUInt16BE(entries[index] as number, at);
      at = target.writeUInt32BE(entries[index + 1] as number, at);
    }
    this.#length = at;
  }

  settingsAck(): void {
    const at = this.reserve(FRAME_HEAD_BYTES);
    this.#writeHead(at, 0, FrameType.Settings, FLAG_ACK, 0);
    this.#length = at + FRAME_HEAD_BYTES;
  }

  /** Eight bytes of `payload`, from `start`. */
  ping(ack: boolean, payload: Buffer, start: number): void {
    const at = this.reserve(FRAME_HEAD_BYTES + 8);
    const target = this.#target as Buffer;
    this.#writeHead(at, 8, FrameType.Ping, ack ? FLAG_ACK : 0, 0);
    payload.copy(target, at + FRAME_HEAD_BYTES, start, start + 8);
    this.#length = at + FRAME_HEAD_BYTES + 8;
  }

  goaway(lastStreamId: number, code: number): void {
    const at = this.reserve(FRAME_HEAD_BYTES + 8);
    const target = this.#target as Buffer;
    this.#writeHead(at, 8, FrameType.Goaway, 0, 0);
    target.writeUInt32BE(lastStreamId, at + FRAME_HEAD_BYTES);
    target.writeUInt32BE(code, at + FRAME_HEAD_BYTES + 4);
    this.#length = at + FRAME_HEAD_BYTES + 8;
  }

  /** What a client begins with (RFC 9113 §3.4). */
  preface(): void {
    const at = this.reserve(PREFACE.length);
    PREFACE.copy(this.#target as Buffer, at);
    this.#length = at + PREFACE.length;
  }

  /** Hands over what was put together, unless the socket has enough. */
  flush(): void {
    while (this.#full.length > 0 && !this.#blocked) this.#writeOldest();
    const target = this.#target;
    if (target === null || this.#blocked) return;
    if (this.#length < LEAST_WRITE_BYTES && this.#output.awaitDrain()) {
      this.#blocked = true;
      return;
    }
    this.#setAside(target);
    this.#writeOldest();
  }

  /** Nothing may be written after this; what was, still goes out. */
  end(onFinished: () => void): void {
    if (this.#ended) return;
    if (this.#target !== null) this.#setAside(this.#target);
    while (this.#full.length > 0) this.#writeOldest();
    this.#ended = true;
    this.#output.end(onFinished);
  }

  /** The socket is gone. */
  destroy(): void {
    this.#ended = true;
    // No frame can get an END_STREAM any more.
    this.epoch++;
    this.#target = null;
    this.#length = 0;
    this.#full.length = 0;
    this.#fullLengths.length = 0;
    this.#fullBytes = 0;
  }

  onDrain(): void {
    this.drains++;
    this.#blocked = false;
    if (this.#ended) return;
    this.flush();
    if (!this.#congested || !this.flowing) return;
    this.#congested = false;
    this.#onWritable();
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    if (!this.#ended) this.flush();
  }

  /** @returns where in `target` the next `bytes` may be written */
  reserve(bytes: number): number {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#turnEnd.add(this);
    }
    if (this.#target !== null && this.#length + bytes > this.#target.length) {
      if (!this.#blocked && !this.#ended) this.flush();
      if (this.#target !== null) this.#setAside(this.#target);
    }
    if (this.#target === null) {
      this.#target = this.#buffers.take(bytes);
      this.#length = 0;
    }
    return this.#length;
  }

  #room(): number {
    return this.#target === null ? MAX_FRAME_BYTES : this.#target.length - this.#length - FRAME_HEAD_BYTES;
  }

  #setAside(target: Buffer): void {
    this.#full.push(target);
    this.#fullLengths.push(this.#length);
    this.#fullBytes += this.#length;
    this.#target = null;
    this.#length = 0;
    this.epoch++;
  }

  #writeOldest(): void {
    const buffer = this.#full.shift() as Buffer;
    const length = this.#fullLengths.shift() as number;
    this.#fullBytes -= length;
    if (!this.#socket.destroyed && !this.#output.writeBuffer(buffer, length)) this.#blocked = true;
  }

  #uint32Frame(type: number, streamId: number, value: number): void {
    const at = this.reserve(FRAME_HEAD_BYTES + 4);
    const target = this.#target as Buffer;
    this.#writeHead(at, 4, type, 0, streamId);
    target.writeUInt32BE(value, at + FRAME_HEAD_BYTES);
    this.#length = at + FRAME_HEAD_BYTES + 4;
  }

  /** Spreads a long block over CONTINUATION frames, from its end, so that nothing is overwritten. */
  #splitBlock(streamId: number, start: number, end: number, flags: number): void {
    const target = this.#target as Buffer;
    const continuations = Math.ceil((end - start) / MAX_FRAME_BYTES) - 1;
    for (let index = continuations; index > 0; index--) {
      const from = start + index * MAX_FRAME_BYTES;
      const until = Math.min(end, from + MAX_FRAME_BYTES);
      const to = from + index * FRAME_HEAD_BYTES;
      target.copyWithin(to, from, until);
      const last = index === continuations ? FLAG_END_HEADERS : 0;
      this.#writeHead(to - FRAME_HEAD_BYTES, until - from, FrameType.Continuation, last, streamId);
    }
    this.#writeHead(start - FRAME_HEAD_BYTES, MAX_FRAME_BYTES, FrameType.Headers, flags, streamId);
    this.#length = end + continuations * FRAME_HEAD_BYTES;
  }

  #writeHead(at: number, length: number, type: number, flags: number, streamId: number): void {
    const target = this.#target as Buffer;
    target[at] = length >>> 16;
    target[at + 1] = length >>> 8;
    target[at + 2] = length;
    target[at + 3] = type;
    target[at + FLAGS_AT] = flags;
    target[at + 5] = streamId >>> 24;
    target[at + 6] = streamId >>> 16;
    target[at + 7] = streamId >>> 8;
    target[at + 8] = streamId;
  }
}
