/** The one interface of every configuration source. */
import type { FileLocation, ObjectRef } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';

export interface SnapshotListener {
  /** A complete, readable state. The first call means: the source has seen everything there is to see at the start. */
  onSnapshot(snapshot: ObjectSnapshot): void;
  /**
   * The source holds something that cannot become a snapshot (a static file with errors). What runs stays as it is.
   * Called for each such edit, also before the first snapshot.
   */
  onInvalid(problems: readonly Problem[]): void;
  /** What the source reads cannot be reached, and nothing has been emitted yet. It goes on trying. Called for each failure. */
  onUnreachable?(): void;
}

export interface ConfigSource {
  /** For logs: `kubernetes`, `manifests`, `static`. */
  readonly name: string;
  /**
   * Starts to emit, until `signal` aborts; never throws and never rejects. `once` reads the present state, emits exactly
   * one of the two calls, and watches nothing (`check`, `explain`).
   */
  start(listener: SnapshotListener, signal: AbortSignal, options?: { readonly once: boolean }): Promise<void>;
  /** Where `field` of `source` stands in a file; null where the source has no files. Best effort: the nearest parent that exists. */
  locate(source: ObjectRef, field: string): FileLocation | null;
}
