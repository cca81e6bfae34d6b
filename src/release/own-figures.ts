/** Makes of running totals what was counted between two looks at them. */
import type { ReleaseFigures } from '../model/release.ts';
import { countedSince, noFigures } from './figures.ts';

export class OwnFigures {
  #last: ReadonlyMap<string, ReleaseFigures>;

  constructor() {
    this.#last = new Map();
  }

  /** What was counted since the last call, by release. */
  update(totals: readonly ReleaseFigures[]): ReadonlyMap<string, ReleaseFigures> {
    const last = this.#last;
    this.#last = new Map(totals.map((figures) => [figures.id, figures]));
    return new Map(
      totals.map((figures) => [figures.id, countedSince(last.get(figures.id) ?? noFigures(figures.id), figures)]),
    );
  }
}
