/**
 * Time as a parameter of the prober, so that its tests need no waiting; and the one timer that thousands of probes share.
 * A probe sets its alarm twice, and timers of Node for each cost as much as a request does.
 * Guarded by `bench/macro/health.ts`.
 */

/** Who waits for a moment: one at a time. Only the clock writes its fields. */
export abstract class Alarm {
  /** The tick it rings at; -1 = not set. */
  tick: number;
  /** Neighbours in its place of the wheel. */
  before: Alarm | null;
  after: Alarm | null;

  constructor() {
    this.tick = NOT_SET;
    this.before = null;
    this.after = null;
  }

  /** Not called before `set` returned. */
  abstract onAlarm(): void;
}

export interface ProbeClock {
  /** Monotonic. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  nowAt(): number;
  /** Rings once when it is `atMs` or later, in place of what was set before, without keeping the process alive. */
  set(alarm: Alarm, atMs: number): void;
  /** As `set`, but up to 32 ms earlier or later: together with others that do not mind. */
  setRoughly(alarm: Alarm, atMs: number): void;
  /** Does nothing when it is not set. */
  clear(alarm: Alarm): void;
}

const NOT_SET = -1;
/** Alarms ring up to so much later than they are due. */
const TICK_MS = 16;
/** Who does not mind rings at ticks whose number this divides. To wake up for one probe costs more than the probe. */
const ROUGH_TICKS = 4;
/** A power of two. Later alarms share places with earlier ones, and are passed over until it is their turn. */
const PLACES = 1_024;
/** Who wakes up so late was kept from reading, too: answers that wait must be read before time limits are enforced. */
const LATE_MS = 100;

/** A timing wheel: setting and clearing cost the same whatever the number of alarms, and one timer wakes it. */
export class WheelClock implements ProbeClock {
  readonly #now: () => number;
  /** The first and the last alarm of each place, linked with the others in the order they were set. */
  readonly #places: (Alarm | null)[];
  readonly #ends: (Alarm | null)[];
  /** Of the present tick; empty in between. */
  readonly #due: Alarm[];
  #alarms: number;
  /** All that is due before this tick has rung. */
  #nextTick: number;
  /** When the timer fires; infinite without one. */
  #wakeTick: number;
  #timer: NodeJS.Timeout | null;
  /** It looks for the next one to wake for when all have rung. */
  #isRinging: boolean;

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#places = Array.from({ length: PLACES }, () => null);
    this.#ends = Array.from({ length: PLACES }, () => null);
    this.#due = [];
    this.#alarms = 0;
    this.#nextTick = 0;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    this.#timer = null;
    this.#isRinging = false;
  }

  nowMs(): number {
    return this.#now();
  }

  nowAt(): number {
    return Date.now();
  }

  set(alarm: Alarm, atMs: number): void {
    this.#setAt(alarm, Math.ceil(atMs / TICK_MS));
  }

  setRoughly(alarm: Alarm, atMs: number): void {
    this.#setAt(alarm, Math.round(atMs / (TICK_MS * ROUGH_TICKS)) * ROUGH_TICKS);
  }

  clear(alarm: Alarm): void {
    if (alarm.tick === NOT_SET) return;
    this.#unlink(alarm);
    if (--this.#alarms === 0) this.#rest();
  }

  #setAt(alarm: Alarm, tick: number): void {
    if (alarm.tick !== NOT_SET) this.#unlink(alarm);
    else if (this.#alarms++ === 0) this.#nextTick = Math.floor(this.#now() / TICK_MS);
    this.#link(alarm, Math.max(tick, this.#nextTick));
    if (alarm.tick < this.#wakeTick && !this.#isRinging) this.#wakeAt(alarm.tick);
  }

  #link(alarm: Alarm, tick: number): void {
    alarm.tick = tick;
    const place = tick % PLACES;
    const last = this.#ends[place] ?? null;
    if (last === null) this.#places[place] = alarm;
    else last.after = alarm;
    alarm.before = last;
    this.#ends[place] = alarm;
  }

  #unlink(alarm: Alarm): void {
    const { before, after } = alarm;
    if (before === null) this.#places[alarm.tick % PLACES] = after;
    else before.after = after;
    if (after === null) this.#ends[alarm.tick % PLACES] = before;
    else after.before = before;
    alarm.before = null;
    alarm.after = null;
    alarm.tick = NOT_SET;
  }

  #rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakeTick = Number.POSITIVE_INFINITY;
  }

  #wakeAt(tick: number): void {
    this.#rest();
    this.#wakeTick = tick;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(tick * TICK_MS - this.#now())));
    this.#timer.unref();
  }

  #onTimer(): void {
    if (this.nowMs() - this.#wakeTick * TICK_MS > LATE_MS) setImmediate(() => this.#ring()).unref();
    else this.#ring();
  }

  #ring(): void {
    const nowTick = Math.floor(this.nowMs() / TICK_MS);
    const due = this.#due;
    this.#collect(nowTick);
    this.#nextTick = nowTick + 1;
    this.#rest();
    this.#isRinging = true;
    for (const alarm of due) {
      // One that rang before may have cleared it, or set it anew.
      if (alarm.tick === NOT_SET || alarm.tick > nowTick) continue;
      this.clear(alarm);
      alarm.onAlarm();
    }
    due.length = 0;
    this.#isRinging = false;
    this.#wakeForNext();
  }

  #collect(nowTick: number): void {
    const lastTick = Math.min(nowTick, this.#nextTick + PLACES - 1);
    for (let tick = this.#nextTick; tick <= lastTick; tick++) {
      for (let alarm = this.#places[tick % PLACES] ?? null; alarm !== null; alarm = alarm.after) {
        if (alarm.tick <= nowTick) this.#due.push(alarm);
      }
    }
  }

  /** Those that share a place with what is far away wake it for nothing, once a turn. */
  #wakeForNext(): void {
    if (this.#alarms === 0) return;
    let tick = this.#nextTick;
    while (this.#places[tick % PLACES] === null) tick++;
    if (tick < this.#wakeTick) this.#wakeAt(tick);
  }
}
