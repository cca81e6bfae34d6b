/**
 * Readers of responses, which nobody needs but while a response comes: nearly always one is enough for thousands of
 * connections, and it is warm.
 */
import type { ResponseReader } from './probe.ts';

/** As many responses may come in pieces at a time before readers are made anew. */
const MAX_SPARE = 16;

export class SpareReaders {
  readonly #create: () => ResponseReader;
  readonly #spare: ResponseReader[];

  constructor(create: () => ResponseReader) {
    this.#create = create;
    this.#spare = [];
  }

  take(): ResponseReader {
    return this.#spare.pop() ?? this.#create();
  }

  /** Only after a complete response: what is left of others must not become part of the next one. */
  give(reader: ResponseReader): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(reader);
  }
}
