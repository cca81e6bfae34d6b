/** A log line about something that clients can cause at will: at once the first time, then seldom, with how often it was. */
import type { LogFields } from '../log/logger.ts';
import type { WorkerContext } from './worker-context.ts';

const INTERVAL_MS = 10_000;

export class ThrottledWarning {
  readonly #worker: WorkerContext;
  readonly #message: string;
  #notBeforeMs: number;
  #count: number;

  constructor(worker: WorkerContext, message: string) {
    this.#worker = worker;
    this.#message = message;
    this.#notBeforeMs = 0;
    this.#count = 0;
  }

  /** @param fields of the occurrence that gets the line; `count` says how many there were since the last one */
  warn(fields: LogFields): void {
    this.#count++;
    const { nowMs } = this.#worker.clock;
    if (nowMs < this.#notBeforeMs) return;
    this.#worker.logger.warn(this.#message, { ...fields, count: this.#count });
    this.#notBeforeMs = nowMs + INTERVAL_MS;
    this.#count = 0;
  }
}
