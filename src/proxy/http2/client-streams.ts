/** The streams of one connection to a back end: those under way, those that wait for it to open, and whom to flush. Hot. */
import type { Http2ClientStream } from './client-stream.ts';
import { MAX_STREAM_ID } from './frame-constants.ts';
import { StreamIndex } from './stream-index.ts';

export class ClientStreams {
  readonly open: StreamIndex<Http2ClientStream>;
  /** Wait for the connection to open. */
  readonly pending: Set<Http2ClientStream>;
  /** Have something for their clients from this read. */
  readonly #touched: Http2ClientStream[];
  #nextId: number;

  constructor() {
    this.open = new StreamIndex();
    this.pending = new Set();
    this.#touched = [];
    this.#nextId = 1;
  }

  get count(): number {
    return this.open.size + this.pending.size;
  }

  get hasIds(): boolean {
    return this.#nextId <= MAX_STREAM_ID;
  }

  /** @returns the id of a stream that is opened now */
  add(stream: Http2ClientStream): number {
    const id = this.#nextId;
    this.#nextId += 2;
    this.open.add(id, stream);
    return id;
  }

  remove(stream: Http2ClientStream): void {
    if (stream.id === 0) this.pending.delete(stream);
    else this.open.remove(stream.id);
  }

  /** Whether there is or was a stream of this id; only we open any. */
  wasOpened(id: number): boolean {
    return id % 2 === 1 && id < this.#nextId;
  }

  touch(stream: Http2ClientStream): void {
    if (stream.isTouched) return;
    stream.isTouched = true;
    this.#touched.push(stream);
  }

  flushTouched(): void {
    const touched = this.#touched;
    for (let at = 0; at < touched.length; at++) {
      const stream = touched[at] as Http2ClientStream;
      stream.isTouched = false;
      stream.flush();
    }
    touched.length = 0;
  }

  onTick(nowMs: number): void {
    for (const stream of this.open.all()) stream.onTick(nowMs);
    for (const stream of this.pending) stream.onTick(nowMs);
  }
}
