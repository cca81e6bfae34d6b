/** The releases of the running generation. One keeps its counts as long as any route has it. */
import type { ReleaseFigures } from '../model/release.ts';
import type { ReleaseCounts } from './release-counts.ts';

export class LiveReleases {
  readonly #byId: Map<string, ReleaseCounts>;
  /** By route; only routes with releases are in it. */
  readonly #ofRoutes: Map<string, readonly ReleaseCounts[]>;

  constructor() {
    this.#byId = new Map();
    this.#ofRoutes = new Map();
  }

  find(id: string): ReleaseCounts | null {
    return this.#byId.get(id) ?? null;
  }

  /** Puts a new generation into force. @param linked by route; routes without releases may be left out */
  replaceAll(linked: ReadonlyMap<string, readonly ReleaseCounts[]>): void {
    this.replace(Array.from(this.#ofRoutes.keys()), linked);
  }

  /** @param gone routes that are no more, or are among the `linked` ones */
  replace(gone: readonly string[], linked: ReadonlyMap<string, readonly ReleaseCounts[]>): void {
    for (const routeId of gone) this.#ofRoutes.delete(routeId);
    for (const [routeId, releases] of linked) if (releases.length > 0) this.#ofRoutes.set(routeId, releases);
    this.#byId.clear();
    for (const releases of this.#ofRoutes.values()) for (const one of releases) this.#byId.set(one.id, one);
  }

  toFigures(): readonly ReleaseFigures[] {
    return Array.from(this.#byId.values(), (release) => release.toFigures());
  }
}
