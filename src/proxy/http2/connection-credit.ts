/**
 * What the peer may send on all streams together (RFC 9113 §6.9). Credit is returned as bytes arrive, so that a stream
 * nobody reads does not stop the others, until too much of them waits in memory; from then on as they are consumed.
 */
import { ReceiveWindow } from './flow-window.ts';
import { DEFAULT_WINDOW_BYTES } from './frame-constants.ts';
import type { FrameWriter } from './frame-writer.ts';

const WINDOW_BYTES = 1_048_576;
/** At most this and a window wait on one connection. */
const FREELY_HELD_BYTES = 4_194_304;

export class ConnectionCredit {
  readonly #writer: FrameWriter;
  readonly #window: ReceiveWindow;
  /** Waits in memory for its reader. */
  #heldBytes: number;
  /** Arrived, and its credit not returned. */
  #owedBytes: number;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
    this.#window = new ReceiveWindow(WINDOW_BYTES, DEFAULT_WINDOW_BYTES);
    this.#heldBytes = 0;
    this.#owedBytes = 0;
  }

  /** The peer knows of less than we give; to be called behind our SETTINGS. */
  open(): void {
    this.#writer.windowUpdate(0, this.#window.settle());
  }

  /** @returns false when the peer sent more than it may */
  receive(bytes: number): boolean {
    this.#owedBytes += bytes;
    return this.#window.receive(bytes);
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.settle();
  }

  /** To be called when what was received has found its place. */
  settle(): void {
    const free = this.#owedBytes - Math.max(0, this.#heldBytes - FREELY_HELD_BYTES);
    if (free <= 0) return;
    this.#owedBytes -= free;
    const increment = this.#window.consume(free);
    if (increment > 0) this.#writer.windowUpdate(0, increment);
  }
}
