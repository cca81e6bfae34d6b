/**
 * Finds workers that hang: alive, and doing nothing any more, as in a loop without end. Each worker moves a number of its
 * own in shared memory a few times a second, whatever it is busy with, and here it is looked at.
 */

/** A worker as the watchdog sees it. */
export interface Watched {
  /** Changes as long as the worker's event loop turns; 0 = it has not begun. */
  readonly pulse: number;
  /** No sign of life for a moment: whoever waits for this worker should go on without it. */
  onSilent(): void;
  onHung(silentMs: number): void;
}

const CHECKS_PER_TIMEOUT = 10;
/** After two checks without a sign of life nobody waits for a worker any longer. */
const SILENT_CHECKS = 2;
/** Loading the program takes longer than any turn of the event loop does later. */
const START_FACTOR = 6;
/**
 * A check that comes this much late does not count: then the whole process was stopped, or had no CPU, and so had the
 * workers.
 */
const LATE_FACTOR = 1.5;

interface Observation {
  pulse: number;
  /** Checks in a row without a sign of life. */
  silentChecks: number;
}

export class Watchdog {
  readonly #periodMs: number;
  readonly #workers: () => Iterable<Watched>;
  readonly #nowMs: () => number;
  readonly #seen: WeakMap<Watched, Observation>;
  #timer: NodeJS.Timeout | null;
  #checkedMs: number;

  /** @param hangTimeoutMs how long a worker may be silent; 0 = for ever */
  constructor(hangTimeoutMs: number, workers: () => Iterable<Watched>, nowMs: () => number = () => performance.now()) {
    this.#periodMs = hangTimeoutMs / CHECKS_PER_TIMEOUT;
    this.#workers = workers;
    this.#nowMs = nowMs;
    this.#seen = new WeakMap();
    this.#timer = null;
    this.#checkedMs = 0;
  }

  start(): void {
    if (this.#periodMs === 0 || this.#timer !== null) return;
    this.#checkedMs = this.#nowMs();
    this.#timer = setInterval(() => this.#check(), this.#periodMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #check(): void {
    const nowMs = this.#nowMs();
    const late = nowMs - this.#checkedMs > this.#periodMs * LATE_FACTOR;
    this.#checkedMs = nowMs;
    for (const worker of this.#workers()) this.#look(worker, late);
  }

  #look(worker: Watched, late: boolean): void {
    const { pulse } = worker;
    const seen = this.#seen.get(worker);
    if (seen === undefined) {
      this.#seen.set(worker, { pulse, silentChecks: 0 });
      return;
    }
    if (pulse !== seen.pulse) {
      seen.pulse = pulse;
      seen.silentChecks = 0;
      return;
    }
    if (late) return;
    seen.silentChecks++;
    const limit = pulse === 0 ? CHECKS_PER_TIMEOUT * START_FACTOR : CHECKS_PER_TIMEOUT;
    if (seen.silentChecks === SILENT_CHECKS && pulse !== 0) worker.onSilent();
    if (seen.silentChecks === limit) worker.onHung(seen.silentChecks * this.#periodMs);
  }
}
