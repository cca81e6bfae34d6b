/**
 * States of releases that are decided, but do not stand in what the source reads: because it is a file that nobody writes to,
 * or because the API server has not said yet that it stored them. They are laid over its snapshots, so that there is one way
 * into the compiler. Objects that nothing is laid over stay the same objects.
 */
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject } from '../model/objects.ts';
import { withEntries } from '../model/piecewise-map.ts';
import type { ReleaseState } from '../model/release.ts';
import { isStop, outranks } from '../model/release-order.ts';
import { formatReleaseState, parseReleaseState } from '../model/release-state.ts';
import { RELEASE_STATE_ANNOTATION } from '../model/release-status.ts';
import type { StaticCanary, StaticConfig } from '../model/static-config.ts';

export interface DecidedState {
  readonly state: ReleaseState;
  /** Kept where a restart finds it. */
  readonly stored: boolean;
}

export interface StateOverlayOptions {
  /** How long a release may be missing from the source before its state is forgotten, and it begins anew. */
  readonly absentLimitMs: number;
  /** Milliseconds since 1970. */
  readonly nowAt: () => number;
  /** It is known no longer: the source has caught up with it, or has lost it. */
  readonly onForgotten: (id: string) => void;
}

interface Entry extends DecidedState {
  readonly text: string;
  /** What the source has, and this was decided in the knowledge of, whatever its time is; empty = nothing. */
  overruled: string;
  /** Since when the source does not have it; null = it does. */
  absentSince: number | null;
  /** Since when this stop is laid over the end of the plan; null = it is not. */
  overEndSince: number | null;
}

type Ingresses = ObjectSnapshot['ingresses'];

export class StateOverlay {
  readonly #options: StateOverlayOptions;
  readonly #entries: Map<string, Entry>;
  /** What was made of an object, or of all of them. */
  readonly #objects: WeakMap<IngressObject, { readonly text: string; readonly made: IngressObject }>;
  readonly #maps: WeakMap<Ingresses, { readonly version: number; readonly made: Ingresses }>;
  readonly #configs: WeakMap<StaticConfig, { readonly version: number; readonly made: StaticConfig }>;
  #version: number;

  constructor(options: StateOverlayOptions) {
    this.#options = options;
    this.#entries = new Map();
    this.#objects = new WeakMap();
    this.#maps = new WeakMap();
    this.#configs = new WeakMap();
    this.#version = 0;
  }

  /** Differs when something else is to be laid over one and the same snapshot. */
  get version(): number {
    return this.#version;
  }

  get(id: string): DecidedState | null {
    return this.#entries.get(id) ?? null;
  }

  /** @param before what it was decided in the knowledge of; null = nothing, or it is unknown */
  set(id: string, state: ReleaseState, stored: boolean, before: ReleaseState | null = null): void {
    const text = formatReleaseState(state);
    const known = this.#entries.get(id);
    if (known?.text !== text) this.#version++;
    const overruled = known?.overruled ?? (before === null || before === state ? '' : formatReleaseState(before));
    this.#entries.set(id, { state, stored, text, overruled, absentSince: null, overEndSince: null });
  }

  /** Takes notice of what the source has by itself, too: what it has caught up with is laid over it no longer. */
  lay(snapshot: ObjectSnapshot): ObjectSnapshot {
    if (this.#entries.size === 0) return snapshot;
    const written = releaseIds(snapshot.staticConfig);
    this.#noteAbsent((id) => snapshot.ingresses.has(id) || written.has(id));
    const ingresses = this.#layOnIngresses(snapshot.ingresses);
    const staticConfig = snapshot.staticConfig === null ? null : this.#layOnConfig(snapshot.staticConfig);
    const same = ingresses === snapshot.ingresses && staticConfig === snapshot.staticConfig;
    return same ? snapshot : { ...snapshot, ingresses, staticConfig };
  }

  #layOnIngresses(ingresses: Ingresses): Ingresses {
    const known = this.#maps.get(ingresses);
    if (known?.version === this.#version) return known.made;
    const changed = new Map<string, IngressObject>();
    for (const [id, entry] of this.#entries) {
      const ingress = ingresses.get(id);
      const made = ingress === undefined ? null : this.#layOnIngress(id, ingress, entry);
      if (made !== null) changed.set(id, made);
    }
    const made = changed.size === 0 ? ingresses : withEntries(ingresses, changed);
    this.#maps.set(ingresses, { version: this.#version, made });
    return made;
  }

  /**
   * Gives up stops that nobody has taken up so long after the release was complete for all others: stable may be gone by now,
   * and one replica that still sends everything there would answer nothing.
   */
  yieldToEnd(afterMs: number): void {
    const now = this.#options.nowAt();
    for (const [id, { stored, overEndSince }] of this.#entries) {
      if (!stored && overEndSince !== null && now - overEndSince >= afterMs) this.#forget(id);
    }
  }

  /** Null: it is to stay as it is. */
  #layOnIngress(id: string, ingress: IngressObject, entry: Entry): IngressObject | null {
    const { state, text, overruled } = entry;
    const own = ingress.annotations[RELEASE_STATE_ANNOTATION];
    if (own !== undefined) {
      const parsed = parseReleaseState(own);
      // One that cannot be read is for its owner to look at.
      if ('problem' in parsed) return null;
      // A clock that was set back makes what was there before look newer.
      if (formatReleaseState(parsed.value) !== overruled && !outranks(state, parsed.value)) {
        this.#forget(id);
        return null;
      }
      const overEnd = isStop(state) && parsed.value.phase === 'completed' && parsed.value.revision === state.revision;
      entry.overEndSince = overEnd ? (entry.overEndSince ?? this.#options.nowAt()) : null;
    }
    const known = this.#objects.get(ingress);
    if (known?.text === text) return known.made;
    const made = { ...ingress, annotations: { ...ingress.annotations, [RELEASE_STATE_ANNOTATION]: text } };
    this.#objects.set(ingress, { text, made });
    return made;
  }

  #layOnConfig(config: StaticConfig): StaticConfig {
    const known = this.#configs.get(config);
    if (known?.version === this.#version) return known.made;
    const layOn = (canary: StaticCanary): StaticCanary => {
      const { release } = canary;
      const state = release === undefined ? undefined : this.#entries.get(release.id)?.state;
      return release === undefined || state === undefined ? canary : { ...canary, release: { ...release, state } };
    };
    const routes = config.routes.map((route) => ({ ...route, canaries: route.canaries.map(layOn) }));
    const made = { ...config, routes };
    this.#configs.set(config, { version: this.#version, made });
    return made;
  }

  /** One that comes back after too long is another release of the same name. */
  #noteAbsent(isPresent: (id: string) => boolean): void {
    const { absentLimitMs, nowAt } = this.#options;
    const now = nowAt();
    for (const [id, entry] of this.#entries) {
      const present = isPresent(id);
      if (!present) entry.absentSince ??= now;
      const absentMs = entry.absentSince === null ? -1 : now - entry.absentSince;
      if (present) entry.absentSince = null;
      if (absentMs >= absentLimitMs) this.#forget(id);
    }
  }

  #forget(id: string): void {
    this.#entries.delete(id);
    this.#version++;
    this.#options.onForgotten(id);
  }
}

function releaseIds(config: StaticConfig | null): ReadonlySet<string> {
  const canaries = config?.routes.flatMap((route) => route.canaries) ?? [];
  return new Set(canaries.flatMap(({ release }) => (release === undefined ? [] : [release.id])));
}
