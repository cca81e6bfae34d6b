/**
 * Puts releases between a source and the control loop: its snapshots get the states that do not stand in them, and are handed
 * on once more when such a state changes.
 */
import type { Logger } from '../log/logger.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { ProxyConfig } from '../model/proxy-config.ts';
import type { ReleaseFigures, ReleaseState } from '../model/release.ts';
import type { ReleaseReport } from '../model/release-status.ts';
import type { Differences } from '../release/release-finder.ts';
import { ReleaseLoop, type ReleaseStore } from '../release/release-loop.ts';
import type { ReplicaExchange } from '../release/replica-exchange.ts';
import { StateOverlay } from '../release/state-overlay.ts';
import type { Transition } from '../release/transition.ts';
import { systemClock } from '../watch/clock.ts';
import type { SnapshotListener } from '../watch/source.ts';

/** Where states of releases are kept, and who hears of them. */
export interface ReleaseKeeping {
  readonly store: ReleaseStore;
  readonly replicas: ReplicaExchange;
  /** Known from an earlier run. */
  readonly states: ReadonlyMap<string, ReleaseState>;
  /** How long a release may be missing from the source before it is forgotten. */
  readonly absentLimitMs: number;
  readonly onForgotten: (id: string) => void;
  readonly onTransition: (transition: Transition) => void;
}

export interface ReleasesOptions {
  readonly keeping: ReleaseKeeping;
  readonly collect: () => Promise<readonly ReleaseFigures[]>;
  readonly logger: Logger;
}

export class Releases {
  readonly #overlay: StateOverlay;
  readonly #loop: ReleaseLoop;
  /** What the snapshots that were handed on were made of. */
  readonly #origins: WeakMap<ObjectSnapshot, ObjectSnapshot>;
  #last: ObjectSnapshot | null;
  #listener: SnapshotListener | null;
  /** Snapshots handed on beyond those of the source. */
  #added: number;
  #laidVersion: number;
  #due: boolean;

  constructor({ keeping, collect, logger }: ReleasesOptions) {
    const { absentLimitMs, onForgotten, store, replicas, onTransition } = keeping;
    this.#overlay = new StateOverlay({ absentLimitMs, nowAt: Date.now, onForgotten });
    for (const [id, state] of keeping.states) this.#overlay.set(id, state, true);
    this.#loop = new ReleaseLoop({
      collect,
      store,
      replicas,
      overlay: this.#overlay,
      onOverlayChanged: () => this.#noteChange(),
      onTransition,
      logger,
      clock: { nowAt: Date.now, schedule: (delayMs, run) => systemClock.schedule(delayMs, run) },
    });
    this.#origins = new WeakMap();
    this.#last = null;
    this.#listener = null;
    this.#added = 0;
    this.#laidVersion = this.#overlay.version;
    this.#due = false;
  }

  /** Stands in front of `listener`. To be called once. */
  passTo(listener: SnapshotListener): SnapshotListener {
    this.#listener = listener;
    return {
      onSnapshot: (snapshot) => {
        this.#last = snapshot;
        this.#handOn(snapshot, {
          endpointsOnly: snapshot.endpointsOnly && this.#overlay.version === this.#laidVersion,
        });
      },
      onInvalid: (problems) => listener.onInvalid(problems),
      onUnreachable: () => listener.onUnreachable?.(),
    };
  }

  /** The snapshot of the source that one in force was made of. */
  originOf(snapshot: ObjectSnapshot): ObjectSnapshot {
    return this.#origins.get(snapshot) ?? snapshot;
  }

  /** @param differences from what was observed last */
  observe(config: ProxyConfig, differences?: Differences): void {
    this.#loop.observe(config, differences);
  }

  report(): ReleaseReport {
    return this.#loop.report();
  }

  close(): void {
    this.#loop.close();
  }

  #noteChange(): void {
    if (this.#due || this.#last === null) return;
    this.#due = true;
    // Several releases that change at once are one new configuration.
    setImmediate(() => {
      this.#due = false;
      if (this.#last === null || this.#overlay.version === this.#laidVersion) return;
      this.#added++;
      this.#handOn(this.#last, { endpointsOnly: false, isRepeated: true });
    });
  }

  #handOn(snapshot: ObjectSnapshot, kind: Pick<ObjectSnapshot, 'endpointsOnly' | 'isRepeated'>): void {
    const laid = this.#overlay.lay(snapshot);
    this.#laidVersion = this.#overlay.version;
    if (laid === snapshot && this.#added === 0 && kind.endpointsOnly === snapshot.endpointsOnly) {
      this.#listener?.onSnapshot(snapshot);
      return;
    }
    const made = { ...laid, revision: snapshot.revision + this.#added, ...kind };
    this.#origins.set(made, snapshot);
    this.#listener?.onSnapshot(made);
  }
}
