/**
 * What the requests of releases told, over all threads. Totals never go down while a release exists: what a thread counted
 * outlives it, up to the last time it was asked.
 */
import type { ProxyConfig } from '../model/proxy-config.ts';
import type { ReleaseFigures, SideFigures } from '../model/release.ts';

export class ReleaseTotals {
  /** The newest answer of each thread that lives. */
  readonly #newest: Map<number, readonly ReleaseFigures[]>;
  /** By release: of threads that are gone. */
  readonly #retired: Map<string, ReleaseFigures>;

  constructor() {
    this.#newest = new Map();
    this.#retired = new Map();
  }

  /** What a living thread says. */
  note(workerId: number, figures: readonly ReleaseFigures[]): void {
    this.#newest.set(workerId, figures);
  }

  /** The thread is gone for good. */
  retire(workerId: number): void {
    for (const figures of this.#newest.get(workerId) ?? []) add(this.#retired, figures);
    this.#newest.delete(workerId);
  }

  /** `config` is in force: what is known of releases it does not have can be forgotten. */
  retain({ routes }: ProxyConfig): void {
    if (this.#retired.size === 0) return;
    const ids = new Set(routes.flatMap(({ split }) => split.canaries.flatMap(({ release }) => release?.id ?? [])));
    for (const id of this.#retired.keys()) if (!ids.has(id)) this.#retired.delete(id);
  }

  sum(): readonly ReleaseFigures[] {
    const sums = new Map(this.#retired);
    for (const rows of this.#newest.values()) for (const figures of rows) add(sums, figures);
    return Array.from(sums.values());
  }
}

function add(sums: Map<string, ReleaseFigures>, { id, stable, canary }: ReleaseFigures): void {
  const sum = sums.get(id);
  if (sum === undefined) sums.set(id, { id, stable, canary });
  else sums.set(id, { id, stable: addSides(sum.stable, stable), canary: addSides(sum.canary, canary) });
}

function addSides(a: SideFigures, b: SideFigures): SideFigures {
  return {
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    latency: a.latency.map((count, bucket) => count + (b.latency[bucket] ?? 0)),
  };
}
