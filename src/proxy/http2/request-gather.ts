/**
 * Puts the pieces of a request body that come in one turn of the event loop together, so that they leave for the back end
 * in one write: frames and TLS records cut a body into pieces that are smaller than what the kernel takes.
 * Hot: the one copy more costs less than the writes saved.
 */
import type { TurnEnd, TurnEndListener } from '../turn-end.ts';
import type { WriteBuffers } from '../write-buffers.ts';

const MOST_BYTES = 65_536;

export interface GatherListener {
  /** Bytes `[start, end)` are valid during the call only. */
  onGathered(buffer: Buffer, start: number, end: number): void;
}

export class RequestGather implements TurnEndListener {
  readonly #turnEnd: TurnEnd;
  readonly #buffers: WriteBuffers;
  readonly #listener: GatherListener;
  #buffer: Buffer | null;
  #length: number;
  #scheduled: boolean;

  constructor(turnEnd: TurnEnd, buffers: WriteBuffers, listener: GatherListener) {
    this.#turnEnd = turnEnd;
    this.#buffers = buffers;
    this.#listener = listener;
    this.#buffer = null;
    this.#length = 0;
    this.#scheduled = false;
  }

  add(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (this.#length + bytes > MOST_BYTES) this.flush();
    // What was held back comes in one piece, which may be larger.
    if (bytes > MOST_BYTES) {
      this.#listener.onGathered(buffer, start, end);
      return;
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#turnEnd.add(this);
    }
    this.#buffer ??= this.#buffers.take(MOST_BYTES);
    buffer.copy(this.#buffer, this.#length, start, end);
    this.#length += bytes;
  }

  flush(): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    const length = this.#length;
    this.#buffer = null;
    this.#length = 0;
    this.#listener.onGathered(buffer, 0, length);
    this.#buffers.give(buffer);
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    this.flush();
  }
}
