/** Finds things in the lists of a configuration by how these are sorted: upstreams by id, routes by host. */
import type { RouteConfig, UpstreamConfig, UpstreamId } from './proxy-config.ts';

export function findUpstream(upstreams: readonly UpstreamConfig[], id: UpstreamId): UpstreamConfig | null {
  const found = upstreams[lowerBound(upstreams, id, idOf)];
  return found?.id === id ? found : null;
}

export function routesOfHost(routes: readonly RouteConfig[], host: string): readonly RouteConfig[] {
  const from = lowerBound(routes, host, hostOf);
  let to = from;
  while (routes[to]?.host === host) to++;
  return routes.slice(from, to);
}

export function idOf({ id }: { readonly id: string }): string {
  return id;
}

export function hostOf({ host }: RouteConfig): string {
  return host;
}

/** Place of the first item whose key is not less than `key`. */
export function lowerBound<T>(sorted: readonly T[], key: string, keyOf: (item: T) => string): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (keyOf(sorted[middle] as T) < key) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * The list with other items for some keys, none to remove a key. Items of one key stand together, in the order given. Costs a
 * copy of the list and a search for each key; the same list where nothing differs.
 */
export function replaceSorted<T>(
  sorted: readonly T[],
  replacements: ReadonlyMap<string, readonly T[]>,
  keyOf: (item: T) => string,
): readonly T[] {
  const changes: Replacement<T>[] = [];
  for (const key of [...replacements.keys()].toSorted(compareKeys)) {
    const items = replacements.get(key) ?? [];
    const from = lowerBound(sorted, key, keyOf);
    let to = from;
    while (to < sorted.length && keyOf(sorted[to] as T) === key) to++;
    const isSame = items.length === to - from && items.every((item, at) => item === sorted[from + at]);
    if (!isSame) changes.push({ from, to, items });
  }
  const [first, ...others] = changes;
  if (first === undefined) return sorted;
  // One copy and not two: these lists are the largest things a change leaves to the garbage collector.
  if (others.length === 0) return sorted.toSpliced(first.from, first.to - first.from, ...first.items);
  const pieces: (readonly T[])[] = [];
  let done = 0;
  for (const { from, to, items } of changes) {
    pieces.push(sorted.slice(done, from), items);
    done = to;
  }
  pieces.push(sorted.slice(done));
  return pieces.flat();
}

interface Replacement<T> {
  readonly from: number;
  readonly to: number;
  readonly items: readonly T[];
}

function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
