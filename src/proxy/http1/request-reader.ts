/**
 * Turns the byte stream of one client connection into heads and body pieces, whatever the segments it comes in. It knows
 * framing and nothing else; what a request means and what happens to it is its sink's business.
 * Hot.
 */
import type { WorkerContext } from '../worker-context.ts';
import { CR, LF } from './char-classes.ts';
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts';
import { HeadBuffer } from './head-buffer.ts';
import { HEAD_INCOMPLETE } from './head-end.ts';
import { DISCARD_BODY_BYTES } from './limits.ts';
import { BODY_CHUNKED, type RequestHead } from './request-head.ts';

export interface RequestSink {
  /** A part of a head is here, the rest is not. */
  onHeadBegun(): void;
  /** A valid `Host`, probably the same again; empty = none. */
  readonly lastHost: string;
  /**
   * The sink calls `expectBody` or `wait` on the reader before it returns.
   * @param bytes of which `[start, end)` stand behind the head, none where it came in several reads; valid during the call only
   * @returns how many of these were taken
   */
  onHead(head: RequestHead, bytes: Buffer, start: number, end: number): number;
  onBodyData(buffer: Buffer, start: number, end: number): void;
  onBodyEnd(): void;
  /** What came cannot be a request; nothing more is parsed. */
  onUnreadable(status: number): void;
  /** Bytes that come while nothing is to be parsed: a part of what was fed, valid as long as that. */
  onBytesBehind(bytes: Buffer): void;
}

const READ_HEAD = 0;
const READ_LENGTH = 1;
const READ_CHUNKED = 2;
/** A request is complete: what follows waits. */
export const READ_NOTHING = 3;

/** At most two empty lines before a request line are skipped (RFC 9112 §2.2). */
const MAX_SKIPPED_BYTES = 4;

export class RequestReader implements ChunkSink {
  state: number;
  /** Body bytes still to come in state `READ_LENGTH`. */
  remaining: number;
  /** A call of `feed` is under way. */
  feeding: boolean;
  readonly #worker: WorkerContext;
  readonly #sink: RequestSink;
  #headBuffer: HeadBuffer | null;
  #decoder: ChunkedDecoder | null;
  /** Bytes of empty lines before the next head, whatever reads they came in. */
  #skippedBytes: number;

  constructor(worker: WorkerContext, sink: RequestSink) {
    this.#worker = worker;
    this.#sink = sink;
    this.state = READ_HEAD;
    this.remaining = 0;
    this.feeding = false;
    this.#headBuffer = null;
    this.#decoder = null;
    this.#skippedBytes = 0;
  }

  /** Whether not one byte of the next request has come. */
  get idle(): boolean {
    return this.state === READ_HEAD && this.#headBuffer === null && !this.feeding;
  }

  /** Whether a part of a head has come. */
  get inHead(): boolean {
    return this.state === READ_HEAD && this.#headBuffer !== null;
  }

  get inBody(): boolean {
    return this.state === READ_LENGTH || this.state === READ_CHUNKED;
  }

  /** Whether what is left of the request is little enough to read on to the next one. */
  get nearEnd(): boolean {
    return this.state === READ_NOTHING || (this.state === READ_LENGTH && this.remaining <= DISCARD_BODY_BYTES);
  }

  expectHead(): void {
    this.state = READ_HEAD;
  }

  expectBody(kind: number, length: number): void {
    this.remaining = length;
    if (kind !== BODY_CHUNKED) {
      this.state = READ_LENGTH;
      return;
    }
    this.state = READ_CHUNKED;
    this.#decoder ??= new ChunkedDecoder();
    this.#decoder.reset();
  }

  wait(): void {
    this.state = READ_NOTHING;
    this.#headBuffer = null;
  }

  /** Bytes `[0, end)` were read. */
  feed(chunk: Buffer, end: number): void {
    this.feeding = true;
    let offset = 0;
    while (offset < end) {
      if (this.state === READ_HEAD) offset = this.#readHead(chunk, offset, end);
      else if (this.state === READ_LENGTH) offset = this.#readLength(chunk, offset, end);
      else if (this.state === READ_CHUNKED) offset = this.#readChunked(chunk, offset, end);
      else {
        this.#sink.onBytesBehind(chunk.subarray(offset, end));
        break;
      }
    }
    this.feeding = false;
  }

  onChunkData(buffer: Buffer, start: number, end: number): void {
    // An earlier piece of the same read may have ended the exchange.
    if (this.state === READ_CHUNKED) this.#sink.onBodyData(buffer, start, end);
  }

  #readHead(chunk: Buffer, offset: number, end: number): number {
    if (this.#headBuffer !== null) return this.#readPartialHead(this.#headBuffer, chunk, offset, end);
    const { maxHeadBytes, maxTargetBytes } = this.#worker.settings;
    const start = this.#skipEmptyLines(chunk, offset, end);
    if (start === end) return start;
    const head = this.#worker.requestHead;
    const status = head.parse(chunk, start, Math.min(end, start + maxHeadBytes), this.#sink.lastHost);
    if (status === 0) {
      this.#skippedBytes = 0;
      const { headEnd } = head;
      return headEnd + this.#sink.onHead(head, chunk, headEnd, end);
    }
    if (status !== HEAD_INCOMPLETE) {
      this.#refuse(status);
      return end;
    }
    this.#headBuffer = new HeadBuffer(maxHeadBytes, maxTargetBytes, MAX_SKIPPED_BYTES - this.#skippedBytes);
    this.#sink.onHeadBegun();
    return this.#readPartialHead(this.#headBuffer, chunk, start, end);
  }

  #skipEmptyLines(chunk: Buffer, offset: number, end: number): number {
    let start = offset;
    while (
      this.#skippedBytes < MAX_SKIPPED_BYTES &&
      start + 1 < end &&
      chunk[start] === CR &&
      chunk[start + 1] === LF
    ) {
      start += 2;
      this.#skippedBytes += 2;
    }
    return start;
  }

  #readPartialHead(headBuffer: HeadBuffer, chunk: Buffer, offset: number, end: number): number {
    const next = headBuffer.append(chunk, offset, end);
    if (headBuffer.status !== 0) this.#refuse(headBuffer.status);
    else if (headBuffer.headEnd !== -1) {
      this.#headBuffer = null;
      this.#skippedBytes = 0;
      const head = this.#worker.requestHead;
      const status = head.parse(headBuffer.bytes, headBuffer.start, headBuffer.headEnd + 4, this.#sink.lastHost);
      if (status === 0) this.#sink.onHead(head, chunk, next, next);
      else this.#refuse(status);
    }
    return next;
  }

  #readLength(chunk: Buffer, offset: number, available: number): number {
    const end = Math.min(available, offset + this.remaining);
    this.remaining -= end - offset;
    this.#sink.onBodyData(chunk, offset, end);
    if (this.state === READ_LENGTH && this.remaining === 0) this.#endBody();
    return end;
  }

  #readChunked(chunk: Buffer, offset: number, end: number): number {
    const decoder = this.#decoder as ChunkedDecoder;
    const position = decoder.decode(chunk, offset, end, this);
    if (position === -1) {
      // What was decoded before may have ended the exchange, and the connection with it.
      if (this.state === READ_CHUNKED) this.#refuse(400);
      return end;
    }
    if (decoder.done && this.state === READ_CHUNKED) this.#endBody();
    return position;
  }

  #endBody(): void {
    this.state = READ_NOTHING;
    this.#sink.onBodyEnd();
  }

  #refuse(status: number): void {
    this.wait();
    this.#sink.onUnreadable(status);
  }
}
