/**
 * Time as a parameter of the prober, so that its tests need no waiting; and the one timer that thousands of probes share.
 * A probe sets its alarm twice, and timers of Node for each cost as much as a request does.
 */

/** Who waits for a moment: one at a time. */
export interface Alarm {
  /** When it rings, by `nowMs`; infinite = not set. Only the clock writes it. */
  dueMs: number;
  /** Not called before `set` returned. */
  onAlarm(): void;
}

export interface ProbeClock {
  /** Monotonic. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  nowAt(): number;
  /** Rings once after `delayMs`, in place of what was set before, without keeping the process alive. */
  set(alarm: Alarm, delayMs: number): void;
  /** Does nothing when it is not set. */
  clear(alarm: Alarm): void;
}

/** Alarms ring up to so much later than they are due. */
const TICK_MS = 16;
/** A power of two. Later alarms share places with earlier ones, and are passed over until it is their turn. */
const PLACES = 1_024;
/** Who wakes up so late was kept from reading, too: answers that wait must be read before time limits are enforced. */
const LATE_MS = 100;

/** A timing wheel: setting and clearing cost the same whatever the number of alarms, and one timer wakes it. */
export class WheelClock implements ProbeClock {
  readonly #now: () => number;
  readonly #places: readonly Set<Alarm>[];
  #alarms: number;
  /** All that is due before this tick has rung. */
  #nextTick: number;
  /** When the timer fires; infinite without one. */
  #wakeTick: number;
  #timer: NodeJS.Timeout | null;

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#places = Array.from({ length: PLACES }, () => new Set<Alarm>());
    this.#alarms = 0;
    this.#nextTick = 0;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    this.#timer = null;
  }

  nowMs(): number {
    return this.#now();
  }

  nowAt(): number {
    return Date.now();
  }

  set(alarm: Alarm, delayMs: number): void {
    this.clear(alarm);
    const nowMs = this.nowMs();
    if (this.#alarms++ === 0) this.#nextTick = Math.floor(nowMs / TICK_MS);
    alarm.dueMs = nowMs + Math.max(0, delayMs);
    this.#placeOf(alarm).add(alarm);
    const tick = toTick(alarm.dueMs);
    if (tick < this.#wakeTick) this.#wakeAt(tick, nowMs);
  }

  clear(alarm: Alarm): void {
    if (alarm.dueMs === Number.POSITIVE_INFINITY) return;
    this.#placeOf(alarm).delete(alarm);
    alarm.dueMs = Number.POSITIVE_INFINITY;
    if (--this.#alarms === 0) this.#rest();
  }

  #placeOf(alarm: Alarm): Set<Alarm> {
    return this.#places[toTick(alarm.dueMs) % PLACES] as Set<Alarm>;
  }

  #rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakeTick = Number.POSITIVE_INFINITY;
  }

  #wakeAt(tick: number, nowMs: number): void {
    this.#rest();
    this.#wakeTick = tick;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(tick * TICK_MS - nowMs)));
    this.#timer.unref();
  }

  #onTimer(): void {
    if (this.nowMs() - this.#wakeTick * TICK_MS > LATE_MS) setImmediate(() => this.#ring()).unref();
    else this.#ring();
  }

  #ring(): void {
    const nowMs = this.nowMs();
    const nowTick = Math.floor(nowMs / TICK_MS);
    const due = this.#collect(nowTick);
    this.#nextTick = nowTick + 1;
    this.#rest();
    for (const alarm of due) {
      // One that rang before may have cleared it, or set it anew.
      if (toTick(alarm.dueMs) > nowTick) continue;
      this.clear(alarm);
      alarm.onAlarm();
    }
    this.#wakeForNext();
  }

  #collect(nowTick: number): readonly Alarm[] {
    const due: Alarm[] = [];
    const lastTick = Math.min(nowTick, this.#nextTick + PLACES - 1);
    for (let tick = this.#nextTick; tick <= lastTick; tick++) {
      for (const alarm of this.#places[tick % PLACES] as Set<Alarm>)
        if (toTick(alarm.dueMs) <= nowTick) due.push(alarm);
    }
    return due;
  }

  /** Those that share a place with what is far away wake it for nothing, once a turn. */
  #wakeForNext(): void {
    if (this.#alarms === 0) return;
    let tick = this.#nextTick;
    while ((this.#places[tick % PLACES] as Set<Alarm>).size === 0) tick++;
    if (tick < this.#wakeTick) this.#wakeAt(tick, this.nowMs());
  }
}

/** The first one that begins when all of it is over. */
function toTick(dueMs: number): number {
  return Math.ceil(dueMs / TICK_MS);
}
