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
  if (changes.length === 0) return sorted;
  return changes.length > MAX_SPLICES ? rebuild(sorted, changes) : splice(sorted, changes);
}

/**
 * `toSpliced` and `flat` would say it in a word: but `flat` makes lists that count as having holes, and copies of these are made
 * item by item, at twenty times the price.
 */
function splice<T>(sorted: readonly T[], changes: readonly Replacement<T>[]): readonly T[] {
  const list = sorted.slice();
  // From the end, so that the places of those before stay the same.
  for (const { from, to, items } of changes.toReversed()) list.splice(from, to - from, ...items);
  return list;
}

function rebuild<T>(sorted: readonly T[], changes: readonly Replacement<T>[]): readonly T[] {
  const list: T[] = [];
  let done = 0;
  for (const { from, to, items } of changes) {
    for (; done < from; done++) list.push(sorted[done] as T);
    for (const item of items) list.push(item);
    done = to;
  }
  for (; done < sorted.length; done++) list.push(sorted[done] as T);
  return list;
}

/** Each of them may move what comes after it. */
const MAX_SPLICES = 32;

interface Replacement<T> {
  readonly from: number;
  readonly to: number;
  readonly items: readonly T[];
}

function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
