/**
 * Stands in front of a source that may be out of reach: hands out the snapshot of an earlier run until the source has a
 * complete one of its own, and keeps on disk what is in force.
 */
import { join } from 'node:path';
import type { Logger } from '../log/logger.ts';
import type { FileLocation, ObjectRef } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';
import { type Clock, systemClock } from './clock.ts';
import { prepareSnapshotDirectory, setAside } from './snapshot-directory.ts';
import {
  MAX_SNAPSHOT_BYTES,
  readSnapshotFile,
  SNAPSHOT_FILE,
  SnapshotRefusedError,
  type SnapshotScope,
  type StoredSnapshot,
  writeSnapshotFile,
} from './snapshot-file.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import type { ConfigSource, SnapshotListener } from './source.ts';

/** How long a server that answers may take to tell everything, before the snapshot of an earlier run is served. */
const GRACE_MS = 5_000;
const WRITE_SPACING_MS = 10_000;

export interface LastKnownGoodStatus {
  /** What is in force comes from the file of an earlier run. */
  readonly serving: boolean;
  /** Since the snapshot that is served was written; -1 while none is. */
  readonly ageMs: number;
  /** By this process, in milliseconds since 1970; 0 = never. */
  readonly lastWrittenAt: number;
  readonly writeFailures: number;
}

export interface LastKnownGoodOptions {
  readonly stored: StoredSnapshot | null;
  readonly writer: SnapshotWriter;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly graceMs?: number;
}

export class LastKnownGood {
  readonly #writer: SnapshotWriter;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #graceMs: number;
  /** Null = there is none, or a newer one has been in force. */
  #stored: StoredSnapshot | null;
  #serving: boolean;

  constructor(options: LastKnownGoodOptions) {
    this.#writer = options.writer;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#graceMs = options.graceMs ?? GRACE_MS;
    this.#stored = options.stored;
    this.#serving = false;
  }

  /** What an earlier run left; null = nothing that may be served, or no longer of use. */
  get stored(): ObjectSnapshot | null {
    return this.#stored?.snapshot ?? null;
  }

  /** `source`, with the stored snapshot as its first one if it has none to offer in time. */
  backUp(source: ConfigSource): ConfigSource {
    return {
      name: source.name,
      locate: (ref: ObjectRef, field: string): FileLocation | null => source.locate(ref, field),
      start: (listener, signal, options) => {
        const { stored } = this;
        if (stored === null) return source.start(listener, signal, options);
        return source.start(this.#standIn(stored.revision, listener, signal), signal, options);
      },
    };
  }

  /** `snapshot` has been put into force. */
  noteApplied(snapshot: ObjectSnapshot): void {
    if (snapshot === this.stored) {
      this.#serving = true;
      return;
    }
    if (this.#serving) this.#logger.info('the snapshot of an earlier run has been replaced');
    this.#serving = false;
    this.#stored = null;
    this.#writer.note(snapshot);
  }

  status(): LastKnownGoodStatus {
    const writtenAt = this.#stored?.writtenAt ?? 0;
    return {
      serving: this.#serving,
      ageMs: this.#serving ? Math.max(0, Date.now() - writtenAt) : -1,
      lastWrittenAt: this.#writer.lastWrittenAt,
      writeFailures: this.#writer.failures,
    };
  }

  /** Resolves when the newest snapshot in force is on disk, or cannot be. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Holds on to no snapshot: it lives as long as the process, and a replaced one may be large. */
  #standIn(revision: number, listener: SnapshotListener, signal: AbortSignal): SnapshotListener {
    let waiting = true;
    const decide = (): boolean => {
      const first = waiting;
      waiting = false;
      cancelGrace();
      return first;
    };
    const serve = (reason: string): void => {
      const stored = this.#stored;
      if (!decide() || stored === null) return;
      const writtenAt = new Date(stored.writtenAt).toISOString();
      const ageMs = Date.now() - stored.writtenAt;
      this.#logger.warn('serving the snapshot of an earlier run', { reason, writtenAt, ageMs });
      listener.onSnapshot(stored.snapshot);
    };
    const cancelGrace = this.#clock.schedule(this.#graceMs, () =>
      serve(`the api server has not told everything within ${this.#graceMs} ms`),
    );
    signal.addEventListener('abort', cancelGrace, { once: true });
    return {
      onSnapshot: (snapshot) => {
        decide();
        // Ours took the first number.
        listener.onSnapshot({ ...snapshot, revision: snapshot.revision + revision });
      },
      onInvalid: (problems: readonly Problem[]) => listener.onInvalid(problems),
      onUnreachable: () => serve('the api server cannot be used'),
    };
  }
}

/**
 * Reads what an earlier run left in `directory`. A file that must not be served is set aside, with one line in the log.
 * Throws with a message for the user when the directory cannot be used.
 */
export async function openLastKnownGood(
  directory: string,
  scope: SnapshotScope,
  logger: Logger,
): Promise<LastKnownGood> {
  await prepareSnapshotDirectory(directory, Date.now());
  const stored = await readStored(directory, scope, logger);
  const writer = new SnapshotWriter({
    write: (snapshot) =>
      writeSnapshotFile(snapshot, { ...scope, directory, writtenAt: Date.now(), maxBytes: MAX_SNAPSHOT_BYTES }),
    clock: systemClock,
    logger,
    spacingMs: WRITE_SPACING_MS,
  });
  return new LastKnownGood({ stored, writer, logger });
}

async function readStored(directory: string, scope: SnapshotScope, logger: Logger): Promise<StoredSnapshot | null> {
  const file = join(directory, SNAPSHOT_FILE);
  try {
    return await readSnapshotFile(file, scope);
  } catch (error) {
    if (!(error instanceof SnapshotRefusedError)) throw error;
    const aside = await setAside(directory);
    logger.error('snapshot refused, it will not be served', { file, reason: error.message, keptAs: aside });
    return null;
  }
}
