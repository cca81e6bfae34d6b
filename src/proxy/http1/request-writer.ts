/**
 * Writes requests to one connection of a back end. A head is held until the turn of the event loop ends, so that all of a
 * turn goes out together (`docs/adr/0054-writes-at-the-end-of-a-turn.md`); a small body behind it shares its write.
 * Hot: guarded by `bench/macro`.
 */
import type { SocketWriter } from '../socket-writer.ts';
import type { TurnEndListener } from '../turn-end.ts';
import type { WorkerContext } from '../worker-context.ts';

/** Pieces up to this size are written as text: no buffer, and one write with their framing. */
const TEXT_PIECE_BYTES = 4_096;
/** A body may come in very many small chunks. */
const HELD_BYTES = 16_384;
const LAST_CHUNK = '0\r\n\r\n';

export class RequestWriter implements TurnEndListener {
  readonly #worker: WorkerContext;
  readonly #socket: SocketWriter;
  /** A head, and what of its body came in the same turn; empty: nothing is held. */
  #held: string;
  #releaseDue: boolean;

  constructor(worker: WorkerContext, socket: SocketWriter) {
    this.#worker = worker;
    this.#socket = socket;
    this.#held = '';
    this.#releaseDue = false;
  }

  /** Not a byte of the request that was begun is on its way. */
  get holds(): boolean {
    return this.#held !== '';
  }

  /** `end` was called; what was written before may still be on its way. */
  get ending(): boolean {
    return this.#socket.ending;
  }

  /** @param text complete head with the empty line, and the body where that came along whole */
  begin(text: string): void {
    this.#held = text;
    if (this.#releaseDue) return;
    this.#releaseDue = true;
    this.#worker.heldWrites.add(this);
  }

  /**
   * Bytes `[start, end)` are copied.
   * @returns false: no more until the socket has drained
   */
  piece(buffer: Buffer, start: number, end: number, chunked: boolean): boolean {
    const head = this.#held;
    const before = chunked ? `${(end - start).toString(16)}\r\n` : '';
    if (end - start <= TEXT_PIECE_BYTES) {
      const text = `${before}${buffer.toString('latin1', start, end)}${chunked ? '\r\n' : ''}`;
      if (head === '') return this.#socket.writeText(text);
      this.#held = head + text;
      return this.#held.length < HELD_BYTES || this.#release();
    }
    this.#held = '';
    const piece = this.#worker.writeBuffers.take(head.length + before.length + end - start + 2);
    let position = head === '' ? 0 : piece.write(head, 0, 'latin1');
    if (chunked) position += piece.write(before, position, 'latin1');
    position += buffer.copy(piece, position, start, end);
    if (chunked) position += piece.write('\r\n', position, 'latin1');
    return this.#socket.writeBuffer(piece, position);
  }

  /** The body in chunks is complete. */
  lastChunk(): void {
    if (this.#held === '') this.#socket.writeText(LAST_CHUNK);
    else this.#held += LAST_CHUNK;
  }

  /**
   * Of a connection that left HTTP. The chunk is the writer's from now on.
   * @returns false: no more until the socket has drained
   */
  write(chunk: Buffer): boolean {
    return this.#socket.writeBuffer(chunk, chunk.length);
  }

  /** Closes our side of a connection that left HTTP, behind everything written. */
  end(): void {
    this.#socket.end(null);
  }

  onTurnEnd(): void {
    this.#releaseDue = false;
    if (this.#held !== '') this.#release();
  }

  #release(): boolean {
    const text = this.#held;
    this.#held = '';
    return this.#socket.writeText(text);
  }
}
