/**
 * Tells HTTP/2 from HTTP/1.1 by the first bytes of a clear-text connection: a client that knows beforehand that we speak
 * HTTP/2 begins with its preface (RFC 9113 §3.3, §3.4), whatever reads that comes in.
 */
import { PREFACE } from './frame-constants.ts';

const FIRST_BYTE = PREFACE[0] as number;

/** Exactly one of the two is called, once. */
export interface PrefaceListener {
  /** The bytes are valid during the call only. */
  onHttp1(bytes: Buffer): void;
  /** The bytes begin with the preface and are the receiver's to keep. */
  onHttp2(bytes: Buffer): void;
}

export class PrefaceReader {
  decided: boolean;
  readonly #listener: PrefaceListener;
  /** What came so far, as long as it may become the preface. */
  #held: Buffer | null;

  constructor(listener: PrefaceListener) {
    this.#listener = listener;
    this.decided = false;
    this.#held = null;
  }

  /** To be called while not decided. Bytes `[0, length)` are valid during the call only. */
  read(buffer: Buffer, length: number): void {
    // Of the usual methods only POST, PUT and PATCH get past this line.
    if (this.#held === null && buffer[0] !== FIRST_BYTE) {
      this.decided = true;
      this.#listener.onHttp1(buffer.subarray(0, length));
      return;
    }
    const read = buffer.subarray(0, length);
    const bytes = this.#held === null ? read : Buffer.concat([this.#held, read]);
    const compared = Math.min(bytes.length, PREFACE.length);
    if (bytes.compare(PREFACE, 0, compared, 0, compared) !== 0) {
      this.decided = true;
      this.#held = null;
      this.#listener.onHttp1(bytes);
    } else if (compared < PREFACE.length) this.#held = Buffer.from(bytes);
    else {
      this.decided = true;
      this.#held = null;
      this.#listener.onHttp2(Buffer.from(bytes));
    }
  }
}
