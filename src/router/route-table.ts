/**
 * The router as a request sees it: host and path in, payload of the best rule out. Built by `build-route-table.ts`; between
 * two requests whole hosts may be replaced.
 * Hot: guarded by `bench/micro/router.bench.ts` and the allocation budget.
 */
import type { HostIndex } from './host-index.ts';
import type { PathTable } from './path-table.ts';
import type { RequestFacts } from './rule-conditions.ts';

export type { RequestFacts } from './rule-conditions.ts';

export class RouteTable<T> {
  readonly #hosts: HostIndex<PathTable<T>>;

  constructor(hosts: HostIndex<PathTable<T>>) {
    this.#hosts = hosts;
  }

  /**
   * The payload of the best rule for `path.slice(0, pathEnd)`, or null. `host` is in lower case, without port and without
   * a dot at its end. A host that has rules never falls through to a wildcard or to the rules for any host.
   */
  match(host: string, path: string, pathEnd: number, facts: RequestFacts): T | null {
    const paths = this.#hosts.find(host);
    return paths === null ? null : paths.match(path, pathEnd, facts);
  }

  /**
   * Cold. The host of the rules that `match` consults: the given one, a wildcard, or empty for any host. Null means that
   * nothing serves the host; otherwise a null from `match` means that no rule of it matched.
   */
  hostFor(host: string): string | null {
    return this.#hosts.find(host)?.host ?? null;
  }

  /** Cold. Changes the rules of these hosts (null = gone), at a cost that does not grow with the others. Cannot fail. */
  replaceHosts(changes: ReadonlyMap<string, PathTable<T> | null>): void {
    this.#hosts.replace(changes);
  }
}
