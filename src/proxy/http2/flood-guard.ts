/**
 * Counts what costs a client nothing and us something: streams reset before they are answered (CVE-2023-44487), by the
 * client or by us for what it sent (CVE-2025-8671), control frames that want an answer, frames without content and credit
 * in crumbs (CVE-2019-9511 to 9518). One per connection; the clock is the caller's.
 */

const WINDOW_MS = 10_000;
/** Cancelled downloads of a page that is left come in bursts of up to all streams of a connection. */
const ALWAYS_ALLOWED_RESETS = 200;
/** A connection that carries many users' requests may cancel more, as long as most requests are waited for. */
const RESETS_PER_STREAM = 0.5;
/** PING, SETTINGS, PRIORITY and the like. Some clients measure their bandwidth with a PING for each read. */
const ALLOWED_CONTROL_FRAMES = 2_000;
/** Browsers send up to two about the priority of a request. */
const CONTROL_FRAMES_PER_STREAM = 4;
/** DATA that neither carries nor ends anything. */
const ALLOWED_EMPTY_FRAMES = 200;
const ALLOWED_WINDOW_UPDATES = 2_000;
/** Credit usually comes in thousands of bytes. Who gives less makes us write more heads than content. */
const SENT_BYTES_PER_WINDOW_UPDATE = 256;

export class FloodGuard {
  #windowEndMs: number;
  #streams: number;
  #resets: number;
  #controlFrames: number;
  #emptyFrames: number;
  #windowUpdates: number;
  #sentBytes: number;

  constructor() {
    this.#windowEndMs = 0;
    this.#streams = 0;
    this.#resets = 0;
    this.#controlFrames = 0;
    this.#emptyFrames = 0;
    this.#windowUpdates = 0;
    this.#sentBytes = 0;
  }

  countStream(nowMs: number): void {
    this.#advance(nowMs);
    this.#streams++;
  }

  /** Bytes of bodies. */
  countSent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  // Each of the following: false when the connection has had its share.

  allowReset(nowMs: number): boolean {
    this.#advance(nowMs);
    this.#resets++;
    return this.#resets <= Math.max(ALWAYS_ALLOWED_RESETS, this.#streams * RESETS_PER_STREAM);
  }

  allowControlFrame(nowMs: number): boolean {
    this.#advance(nowMs);
    this.#controlFrames++;
    return this.#controlFrames <= ALLOWED_CONTROL_FRAMES + this.#streams * CONTROL_FRAMES_PER_STREAM;
  }

  allowEmptyFrame(nowMs: number): boolean {
    this.#advance(nowMs);
    this.#emptyFrames++;
    return this.#emptyFrames <= ALLOWED_EMPTY_FRAMES;
  }

  allowWindowUpdate(nowMs: number): boolean {
    this.#advance(nowMs);
    this.#windowUpdates++;
    const earned = this.#streams * CONTROL_FRAMES_PER_STREAM + this.#sentBytes / SENT_BYTES_PER_WINDOW_UPDATE;
    return this.#windowUpdates <= ALLOWED_WINDOW_UPDATES + earned;
  }

  #advance(nowMs: number): void {
    if (nowMs < this.#windowEndMs) return;
    this.#windowEndMs = nowMs + WINDOW_MS;
    this.#streams = 0;
    this.#resets = 0;
    this.#controlFrames = 0;
    this.#emptyFrames = 0;
    this.#windowUpdates = 0;
    this.#sentBytes = 0;
  }
}
