/**
 * Writes responses of one client connection: every head is generated here from a judged form, small bodies share the
 * write of their head, and exactly one framing field goes out (RFC 9112 §6). Text is held until `release`, so that all
 * of a turn of the event loop goes out together (`docs/adr/0054-writes-at-the-end-of-a-turn.md`).
 * Hot: guarded by `bench/macro`.
 */
import type { LocalResponse } from '../error-response.ts';
import type { SocketWriter } from '../socket-writer.ts';
import type { TurnEndListener } from '../turn-end.ts';
import type { WorkerContext } from '../worker-context.ts';
import { BODY_CHUNKED, BODY_NONE } from './request-head.ts';
import { BODY_UNTIL_CLOSE, type ResponseHead } from './response-head.ts';

/** Pieces up to this size are joined as text: one write for head and body, no buffer of their own. */
const TEXT_PIECE_BYTES = 4_096;
/** Pipelined requests may have many answers in one turn. */
const HELD_BYTES = 16_384;

export interface ResponseWriterOwner {
  /** The client has to read first, and `flush` had not known it. */
  onBlocked(): void;
}

export class ResponseWriter implements TurnEndListener {
  /** The kernel and the socket's queue are full: nothing more until `drain`. */
  blocked: boolean;
  readonly #worker: WorkerContext;
  readonly #socket: SocketWriter;
  readonly #owner: ResponseWriterOwner;
  /** Not yet written. */
  #text: string;
  #releaseDue: boolean;
  #chunked: boolean;
  #toHead: boolean;
  #http11: boolean;

  constructor(worker: WorkerContext, socket: SocketWriter, owner: ResponseWriterOwner) {
    this.#worker = worker;
    this.#socket = socket;
    this.#owner = owner;
    this.blocked = false;
    this.#text = '';
    this.#releaseDue = false;
    this.#chunked = false;
    this.#toHead = false;
    this.#http11 = true;
  }

  /** A request head was read: what its answer depends on. */
  begin(toHead: boolean, http11: boolean): void {
    this.#toHead = toHead;
    this.#http11 = http11;
    this.#chunked = false;
  }

  /** @returns whether the connection can persist after this response */
  start(head: ResponseHead, persist: boolean): boolean {
    const needsChunks = head.body === BODY_UNTIL_CLOSE || head.body === BODY_CHUNKED;
    this.#chunked = needsChunks && this.#http11;
    const persists = persist && (!needsChunks || this.#http11);
    let text = head.toText();
    if (head.own.length !== 0) text += toLines(head.own);
    if (!head.hasServer) text += 'Server: sluice\r\n';
    if (!head.hasDate) text += this.#worker.clock.dateLine;
    if (this.#chunked) text += 'Transfer-Encoding: chunked\r\n';
    else if (!this.#toHead && isUnannouncedEnd(head)) text += 'Content-Length: 0\r\n';
    this.#text += `${text + this.#connectionLine(persists)}\r\n`;
    return persists;
  }

  informational(head: ResponseHead): void {
    if (!this.#http11) return;
    this.#text += `${head.toText()}\r\n`;
    this.flush();
  }

  switchProtocols(head: ResponseHead): void {
    this.#text += `${head.toText()}${toLines(head.own)}Connection: upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
    this.release();
  }

  answer(response: LocalResponse, persist: boolean): void {
    this.#chunked = false;
    this.#text +=
      `HTTP/1.1 ${response.status} ${response.reason}\r\n${response.fields}Server: sluice\r\n` +
      `${this.#worker.clock.dateLine + this.#connectionLine(persist)}\r\n${this.#toHead ? '' : response.body}`;
  }

  body(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    const before = this.#chunked ? `${this.#text + length.toString(16)}\r\n` : this.#text;
    if (length <= TEXT_PIECE_BYTES) {
      this.#text = before + buffer.toString('latin1', start, end) + (this.#chunked ? '\r\n' : '');
      return;
    }
    this.#text = '';
    const piece = this.#worker.writeBuffers.take(before.length + length + 2);
    let position = before === '' ? 0 : piece.write(before, 0, 'latin1');
    buffer.copy(piece, position, start, end);
    position += length;
    if (this.#chunked) position += piece.write('\r\n', position, 'latin1');
    if (!this.#socket.writeBuffer(piece, position)) this.blocked = true;
  }

  end(): void {
    if (this.#chunked) this.#text += '0\r\n\r\n';
    this.#chunked = false;
  }

  /**
   * Has what is held written when the turn ends.
   * @returns false when the client has to read first
   */
  flush(): boolean {
    if (this.#text.length >= HELD_BYTES) this.release();
    else if (this.#text !== '' && !this.#releaseDue) {
      this.#releaseDue = true;
      this.#worker.heldWrites.add(this);
    }
    return !this.blocked;
  }

  onTurnEnd(): void {
    this.#releaseDue = false;
    const known = this.blocked;
    this.release();
    if (this.blocked && !known) this.#owner.onBlocked();
  }

  /** Writes what is held. */
  release(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    if (!this.#socket.writeText(text)) this.blocked = true;
  }

  #connectionLine(persist: boolean): string {
    if (!persist) return 'Connection: close\r\n';
    return this.#http11 ? '' : 'Connection: keep-alive\r\n';
  }
}

/** @param fields names and values in turn */
function toLines(fields: readonly string[]): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) lines += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return lines;
}

/** HTTP/2 ends a response with its head without a word about its length; in HTTP/1.1 that would wait for the connection's end. */
function isUnannouncedEnd({ body, contentLength, status }: ResponseHead): boolean {
  return body === BODY_NONE && contentLength === -1 && status !== 204 && status !== 304;
}
