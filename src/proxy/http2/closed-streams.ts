/**
 * How the latest streams of a connection ended: a frame that was under way when we reset its stream means nothing, one
 * that comes after the stream has run its course is an error (RFC 9113 §5.1). Older ones are forgotten.
 */

export const UNKNOWN = 0;
/** The peer may not know yet. */
export const RESET_BY_US = 1;
export const OVER = 2;

/** More than may be open at once. */
const REMEMBERED = 256;

export class ClosedStreams {
  readonly #ids: Int32Array;
  readonly #endings: Uint8Array;

  constructor() {
    this.#ids = new Int32Array(REMEMBERED);
    this.#endings = new Uint8Array(REMEMBERED);
  }

  note(streamId: number, ending: number): void {
    const at = (streamId >>> 1) % REMEMBERED;
    this.#ids[at] = streamId;
    this.#endings[at] = ending;
  }

  endingOf(streamId: number): number {
    const at = (streamId >>> 1) % REMEMBERED;
    return this.#ids[at] === streamId ? (this.#endings[at] as number) : UNKNOWN;
  }
}
