/**
 * The rules of one host, found by path: exact, then regular expressions, then the longest prefix whose conditions hold.
 * Hot: guarded by `bench/micro/router.bench.ts` and the allocation budget.
 */
import { RadixNode } from './radix-tree.ts';
import type { RegexIndex } from './regex-index.ts';
import { firstThatHolds, type RequestFacts, type RuleEntry } from './rule-conditions.ts';

const SLASH = 0x2f;
const NO_RULES: readonly never[] = [];

/**
 * The rules at one path. The prefixes `/foo` and `/foo/` share the place `/foo`: they match the same requests and only
 * differ in which of them goes first.
 */
export class PathPlace<T> {
  exact: readonly RuleEntry<T>[];
  /** Rules by prefix in the order for a request of exactly this path: `/foo`, then `/foo/`. */
  prefixAtPath: readonly RuleEntry<T>[];
  /** The same rules in the order for a request below this path: `/foo/`, then `/foo`. */
  prefixBelow: readonly RuleEntry<T>[];
  /** The next shorter prefix that also holds this path; null at the last one. */
  shorter: PathPlace<T> | null;

  constructor() {
    this.exact = NO_RULES;
    this.prefixAtPath = NO_RULES;
    this.prefixBelow = NO_RULES;
    this.shorter = null;
  }
}

/** What the rules of a host are found by. */
export interface PathIndex<T> {
  readonly root: RadixNode<PathPlace<T>>;
  /** Null when the host has no regular expressions. */
  readonly regexes: RegexIndex<T> | null;
}

export class PathTable<T> {
  /** The host these rules were given for. */
  readonly host: string;
  #root: RadixNode<PathPlace<T>>;
  #regexes: RegexIndex<T> | null;
  /** Makes what the others are; null = they are there. */
  #later: (() => PathIndex<T>) | null;

  /** @param index a function is asked with the first request for the host, and must not throw */
  constructor(host: string, index: PathIndex<T> | (() => PathIndex<T>)) {
    const isThere = typeof index !== 'function';
    this.host = host;
    this.#root = isThere ? index.root : new RadixNode('', 0);
    this.#regexes = isThere ? index.regexes : null;
    this.#later = isThere ? null : index;
  }

  match(path: string, pathEnd: number, facts: RequestFacts): T | null {
    if (this.#later !== null) this.#build(this.#later);
    let node = this.#root;
    // The prefix `/` lives at the root and takes every path, also the `*` of OPTIONS.
    let prefix = node.value;
    while (node.depth < pathEnd) {
      const next = node.child(path.charCodeAt(node.depth));
      if (next === null || !next.continues(path, 0, node.depth + 1, pathEnd)) break;
      node = next;
      if (holdsPrefix(node, path, pathEnd)) prefix = node.value;
    }
    const place = node.depth === pathEnd ? node.value : null;
    const found =
      (place === null ? null : firstThatHolds(place.exact, facts)) ??
      (this.#regexes === null ? null : this.#regexes.find(path, pathEnd, facts)) ??
      findByPrefix(prefix, prefix === place, facts);
    return found === null ? null : found.payload;
  }

  #build(later: () => PathIndex<T>): void {
    const { root, regexes } = later();
    this.#root = root;
    this.#regexes = regexes;
    this.#later = null;
  }
}

/** Whether the rules by prefix at this node count: `/foo` must not take `/foobar`. */
function holdsPrefix<T>(node: RadixNode<PathPlace<T>>, path: string, pathEnd: number): boolean {
  if (node.value === null || node.value.prefixBelow.length === 0) return false;
  return node.depth === pathEnd || path.charCodeAt(node.depth) === SLASH;
}

function findByPrefix<T>(longest: PathPlace<T> | null, isWholePath: boolean, facts: RequestFacts): RuleEntry<T> | null {
  if (longest === null) return null;
  let found = firstThatHolds(isWholePath ? longest.prefixAtPath : longest.prefixBelow, facts);
  for (let place = longest.shorter; found === null && place !== null; place = place.shorter) {
    found = firstThatHolds(place.prefixBelow, facts);
  }
  return found;
}
