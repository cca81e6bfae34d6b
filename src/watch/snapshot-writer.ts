/** Keeps a file in step with what is served: at a bounded rate, the newest always in the end. */
import type { Logger } from '../log/logger.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Clock } from './clock.ts';

export interface SnapshotWriterOptions {
  /** Resolves with the size in bytes once it is safely on disk. */
  readonly write: (snapshot: ObjectSnapshot) => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Lies at least between the beginnings of two writes. */
  readonly spacingMs: number;
}

/** At most one part in this of the time goes into writing, however large the snapshot and slow the disk. */
const MAX_SHARE = 20;

export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  /** What is to be written. */
  #waiting: ObjectSnapshot | null;
  #writing: Promise<void> | null;
  #cancelTimer: (() => void) | null;
  #nextMs: number;
  #failedBefore: boolean;
  #closed: boolean;
  /** Milliseconds since 1970; 0 = never. */
  lastWrittenAt: number;
  failures: number;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
    this.#waiting = null;
    this.#writing = null;
    this.#cancelTimer = null;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.#failedBefore = false;
    this.#closed = false;
    this.lastWrittenAt = 0;
    this.failures = 0;
  }

  /** `snapshot` is in force from now on. */
  note(snapshot: ObjectSnapshot): void {
    if (this.#closed) return;
    this.#waiting = snapshot;
    this.#schedule();
  }

  /** Writes what has not been written. Later notes are ignored. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#writing;
    if (this.#waiting !== null) await this.#write(this.#waiting);
  }

  #schedule(): void {
    if (this.#waiting === null || this.#writing !== null || this.#cancelTimer !== null || this.#closed) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.schedule(this.#nextMs - clock.nowMs(), () => {
      this.#cancelTimer = null;
      if (this.#waiting === null) return;
      this.#writing = this.#write(this.#waiting).finally(() => {
        this.#writing = null;
        this.#schedule();
      });
    });
  }

  async #write(snapshot: ObjectSnapshot): Promise<void> {
    const { write, clock, logger, spacingMs } = this.#options;
    const startedMs = clock.nowMs();
    this.#waiting = null;
    try {
      const bytes = await write(snapshot);
      this.lastWrittenAt = Date.now();
      if (this.#failedBefore) logger.info('snapshot can be written again');
      this.#failedBefore = false;
      logger.debug('snapshot written', { bytes, tookMs: Math.round(clock.nowMs() - startedMs) });
    } catch (error) {
      this.failures++;
      // A newer one may have come meanwhile.
      this.#waiting ??= snapshot;
      if (!this.#failedBefore) logger.warn('snapshot cannot be written, the one before stands', { error });
      this.#failedBefore = true;
    }
    const tookMs = clock.nowMs() - startedMs;
    this.#nextMs = startedMs + Math.max(spacingMs, tookMs * MAX_SHARE);
  }
}
