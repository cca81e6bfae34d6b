/**
 * Decides when a source emits: endpoint changes almost at once, because they are cheap to apply; other changes at once
 * when things are quiet, and gathered while a storm lasts. It never holds anything back for longer than its caps.
 */
import type { Clock } from './clock.ts';

/** `endpoints`: only EndpointSlices are to be emitted. `everything`: all that changed, EndpointSlices included. */
export type Emission = 'endpoints' | 'everything';

export interface CoalescerTiming {
  /** Lies at least between two emissions of endpoints; also the longest an endpoint change waits. */
  readonly endpointSpacingMs: number;
  /** Nothing emitted for this long: the next change is the leading edge of a burst. */
  readonly calmMs: number;
  /** How long the leading edge waits for what belongs to it (an Ingress and its Service come over different streams). */
  readonly leadingMs: number;
  /** In a storm: emit when no change came for this long, … */
  readonly quietMs: number;
  /** … but at the latest this long after the first change that waits. */
  readonly capMs: number;
}

export const DEFAULT_COALESCER_TIMING: CoalescerTiming = {
  endpointSpacingMs: 5,
  calmMs: 100,
  leadingMs: 10,
  quietMs: 20,
  capMs: 50,
};

export class ChangeCoalescer {
  readonly #clock: Clock;
  readonly #timing: CoalescerTiming;
  readonly #emit: (what: Emission) => void;
  #endpointsTimer: (() => void) | null;
  #everythingTimer: (() => void) | null;
  #everythingDueMs: number;
  #firstWaitingMs: number;
  #lastEndpointsMs: number;
  #lastEverythingMs: number;
  #closed: boolean;

  constructor(clock: Clock, timing: CoalescerTiming, emit: (what: Emission) => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#emit = emit;
    this.#endpointsTimer = null;
    this.#everythingTimer = null;
    this.#everythingDueMs = 0;
    this.#firstWaitingMs = 0;
    this.#lastEndpointsMs = Number.NEGATIVE_INFINITY;
    this.#lastEverythingMs = Number.NEGATIVE_INFINITY;
    this.#closed = false;
  }

  noteEndpoints(): void {
    if (this.#closed || this.#endpointsTimer !== null) return;
    const dueMs = this.#lastEndpointsMs + this.#timing.endpointSpacingMs;
    this.#endpointsTimer = this.#clock.schedule(dueMs - this.#clock.nowMs(), () => this.#flushEndpoints());
  }

  noteEverything(): void {
    if (this.#closed) return;
    const { calmMs, leadingMs, quietMs, capMs } = this.#timing;
    const nowMs = this.#clock.nowMs();
    if (this.#everythingTimer === null) {
      this.#firstWaitingMs = nowMs;
      const calm = nowMs - this.#lastEverythingMs >= calmMs;
      this.#everythingDueMs = nowMs + Math.min(calm ? leadingMs : quietMs, capMs);
      this.#waitForEverything(nowMs);
      return;
    }
    // The leading edge has its date: it is not put off by what follows it.
    if (this.#firstWaitingMs - this.#lastEverythingMs >= calmMs) return;
    // Never earlier than before: the timer that runs finds it, as one for each change costs more than the change is worth.
    this.#everythingDueMs = Math.min(nowMs + quietMs, this.#firstWaitingMs + capMs);
  }

  /** Emits everything now, e.g. the first complete state. */
  flush(): void {
    if (!this.#closed) this.#flushEverything();
  }

  /** Nothing is emitted after this. */
  close(): void {
    this.#closed = true;
    this.#cancelTimers();
  }

  #waitForEverything(nowMs: number): void {
    this.#everythingTimer = this.#clock.schedule(this.#everythingDueMs - nowMs, () => this.#onEverythingDue());
  }

  #onEverythingDue(): void {
    const nowMs = this.#clock.nowMs();
    // Timers count in whole milliseconds, and may be early by a part of one.
    if (this.#everythingDueMs - nowMs >= 1) this.#waitForEverything(nowMs);
    else this.#flushEverything();
  }

  #flushEndpoints(): void {
    this.#endpointsTimer = null;
    this.#lastEndpointsMs = this.#clock.nowMs();
    this.#emit('endpoints');
  }

  #flushEverything(): void {
    this.#cancelTimers();
    this.#lastEverythingMs = this.#clock.nowMs();
    this.#lastEndpointsMs = this.#lastEverythingMs;
    this.#emit('everything');
  }

  #cancelTimers(): void {
    this.#endpointsTimer?.();
    this.#everythingTimer?.();
    this.#endpointsTimer = null;
    this.#everythingTimer = null;
  }
}
