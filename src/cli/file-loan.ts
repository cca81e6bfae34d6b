/**
 * Files that workers lend to health probes as long as they do not need them: two numbers in memory that all threads share.
 * The workers' limits are lower by what they lend (`proxy/connection-gate.ts`), so the limit of open files holds whatever
 * happens, and they say early when they want it back.
 */
import type { FileLender } from '../health/kept-connections.ts';
import { LENT, WANTED } from '../model/worker-messages.ts';

/** A worker that wants its files says so at every tick of its clock: this much longer than that, nobody does any more. */
const WANTED_FOR_MS = 5_000;

export class FileLoan implements FileLender {
  /** What workers see. */
  readonly shared: Int32Array;
  readonly max: number;
  readonly #workers: number;
  readonly #nowMs: () => number;
  #seen: number;
  #wantedUntilMs: number;

  /** @param max of all workers together */
  constructor(max: number, workers: number, nowMs: () => number = () => performance.now()) {
    this.shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    this.max = max;
    this.#workers = workers;
    this.#nowMs = nowMs;
    this.#seen = 0;
    this.#wantedUntilMs = Number.NEGATIVE_INFINITY;
  }

  get isWanted(): boolean {
    const said = Atomics.load(this.shared, WANTED);
    if (said !== this.#seen) this.#wantedUntilMs = this.#nowMs() + WANTED_FOR_MS;
    this.#seen = said;
    return this.#nowMs() < this.#wantedUntilMs;
  }

  lend(files: number): void {
    Atomics.store(this.shared, LENT, Math.ceil(files / this.#workers));
  }
}
