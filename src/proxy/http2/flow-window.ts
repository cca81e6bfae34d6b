/**
 * Flow control (RFC 9113 §5.2, §6.9), of a stream or of a whole connection, for either role. What the peer may send is
 * counted here, and its credit returned in large steps as the bytes are consumed.
 */
import { MAX_WINDOW_BYTES } from './frame-constants.ts';

export class ReceiveWindow {
  /** What the peer may still send. */
  available: number;
  readonly #size: number;
  /** Consumed, and not returned yet. */
  #owed: number;

  /** @param available what the peer knows of at the start; what is missing to `size` is owed */
  constructor(size: number, available: number) {
    this.#size = size;
    this.available = available;
    this.#owed = size - available;
  }

  /** @returns false when the peer sent more than it may */
  receive(bytes: number): boolean {
    this.available -= bytes;
    return this.available >= 0;
  }

  /**
   * Returns credit once half of the window is owed: many small pieces cost one frame.
   * @returns the increment to send; 0 = none yet
   */
  consume(bytes: number): number {
    this.#owed += bytes;
    return this.#owed * 2 >= this.#size ? this.settle() : 0;
  }

  /** @returns all that is owed; it has to be sent */
  settle(): number {
    const increment = this.#owed;
    this.#owed = 0;
    this.available += increment;
    return increment;
  }
}

/** @returns whether a window for sending may grow by this much (RFC 9113 §6.9.1) */
export function mayGrow(window: number, increment: number): boolean {
  return window + increment <= MAX_WINDOW_BYTES;
}
