/**
 * The streams the peer of a connection has opened: those under way, and how the latest others ended. A frame that was on
 * its way when we reset its stream means nothing; one that comes after a stream has run its course is an error
 * (RFC 9113 §5.1).
 */
import { ErrorCode } from './frame-constants.ts';
import { StreamIndex } from './stream-index.ts';

/** The peer may not know yet. */
export const RESET_BY_US = 1;
export const OVER = 2;

/** Endings: more than streams may be open at once. Older ones are forgotten. */
const REMEMBERED = 256;

export class StreamTable<Stream extends { readonly id: number }> {
  readonly open: StreamIndex<Stream>;
  /** The highest that was opened or refused. */
  lastId: number;
  sealed: boolean;
  readonly #ids: Int32Array;
  readonly #endings: Uint8Array;

  constructor() {
    this.open = new StreamIndex();
    this.lastId = 0;
    this.sealed = false;
    this.#ids = new Int32Array(REMEMBERED);
    this.#endings = new Uint8Array(REMEMBERED);
  }

  close(stream: Stream, ending: number): void {
    this.open.remove(stream.id);
    this.noteEnding(stream.id, ending);
  }

  noteEnding(streamId: number, ending: number): void {
    const at = (streamId >>> 1) % REMEMBERED;
    this.#ids[at] = streamId;
    this.#endings[at] = ending;
  }

  /** The peer was told that no more will be opened: what is beyond `lastId` was never here. */
  isBeyondLast(streamId: number): boolean {
    return this.sealed && streamId > this.lastId && (streamId & 1) === 1;
  }

  /**
   * What DATA or HEADERS on a stream that is not open amounts to.
   * @returns 0 = nothing, or the code to end the connection with
   */
  judgeContent(streamId: number): number {
    if (this.isBeyondLast(streamId)) return ErrorCode.NoError;
    const at = (streamId >>> 1) % REMEMBERED;
    if (this.#isIdle(streamId) || this.#ids[at] !== streamId) return ErrorCode.ProtocolError;
    return this.#endings[at] === OVER ? ErrorCode.StreamClosed : ErrorCode.NoError;
  }

  /** The same for RST_STREAM and WINDOW_UPDATE, which often come late. */
  judgeControl(streamId: number): number {
    return !this.#isIdle(streamId) || this.isBeyondLast(streamId) ? ErrorCode.NoError : ErrorCode.ProtocolError;
  }

  /** Never opened; also all that the other side opens. */
  #isIdle(streamId: number): boolean {
    return streamId > this.lastId || (streamId & 1) === 0;
  }
}
