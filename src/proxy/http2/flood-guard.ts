/**
 * Counts what costs a client nothing and us something: streams reset before they are answered (CVE-2023-44487), by the
 * client or by us for what it sent (CVE-2025-8671), and control frames that want an answer. One per connection; the clock is
 * the caller's.
 */

const WINDOW_MS = 10_000;
/** Cancelled downloads of a page that is left come in bursts of up to all streams of a connection. */
const ALWAYS_ALLOWED_RESETS = 200;
/** A connection that carries many users' requests may cancel more, as long as most requests are waited for. */
const RESETS_PER_STREAM = 0.5;
/** PING and SETTINGS. Some clients measure their bandwidth with a PING for each read. */
const ALLOWED_CONTROL_FRAMES = 2_000;

export class FloodGuard {
  #windowEndMs: number;
  #streams: number;
  #resets: number;
  #controlFrames: number;

  constructor() {
    this.#windowEndMs = 0;
    this.#streams = 0;
    this.#resets = 0;
    this.#controlFrames = 0;
  }

  countStream(nowMs: number): void {
    this.#advance(nowMs);
    this.#streams++;
  }

  /** @returns false when the connection has had its share */
  allowReset(nowMs: number): boolean {
    this.#advance(nowMs);
    this.#resets++;
    return this.#resets <= Math.max(ALWAYS_ALLOWED_RESETS, this.#streams * RESETS_PER_STREAM);
  }

  /** @returns false when the connection has had its share */
  allowControlFrame(nowMs: number): boolean {
    this.#advance(nowMs);
    this.#controlFrames++;
    return this.#controlFrames <= ALLOWED_CONTROL_FRAMES;
  }

  #advance(nowMs: number): void {
    if (nowMs < this.#windowEndMs) return;
    this.#windowEndMs = nowMs + WINDOW_MS;
    this.#streams = 0;
    this.#resets = 0;
    this.#controlFrames = 0;
  }
}
