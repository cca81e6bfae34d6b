/**
 * Collects young objects of a thread in small pieces while its configuration changes. What a request leaves is garbage, and
 * costs nothing to collect; what a change brings stays and has to be moved. Left to itself V8 waits until there is as much of
 * both as fits, and then a storm of changes holds up requests for the moving of all it brought
 * (`docs/adr/0052-collections-in-nobodys-way.md`).
 */
import { exposeCollector } from './exposed-collector.ts';

/** Moved in less than a millisecond. */
const PARTS_AT_MOST = 100;

export class YoungCollector {
  #parts: number;
  #due: boolean;

  constructor() {
    this.#parts = 0;
    this.#due = false;
  }

  /** @param parts that a change has brought: hosts with their routes, upstreams with their endpoints */
  note(parts: number): void {
    this.#parts += parts;
    if (this.#parts < PARTS_AT_MOST || this.#due) return;
    this.#due = true;
    // By then nothing holds the message any more that the change came in.
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#due = false;
    this.#parts = 0;
    exposeCollector()?.({ type: 'minor', execution: 'sync' });
  }
}
