/**
 * The regular expressions of one host. They are filed under the characters their matches must start with, so that a
 * request runs only those that could match it, however many there are.
 * Hot: guarded by `bench/micro/router.bench.ts`. Only running an expression allocates.
 */
import type { PathPattern } from './path-pattern.ts';
import { RadixNode } from './radix-tree.ts';
import { firstThatHolds, type RequestFacts, type RuleEntry } from './rule-conditions.ts';

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const TO_LOWER = 0x20;

/** All rules of a host with the same pattern. */
export interface RegexRules<T> {
  readonly pattern: PathPattern;
  /** Place in the order of precedence over all patterns of the host, best first. */
  readonly rank: number;
  /** In the order given. */
  readonly entries: RuleEntry<T>[];
}

/** The patterns with the same literal prefix. */
export class RegexPlace<T> {
  /** By rank. */
  readonly rules: RegexRules<T>[];
  /** The patterns with the next shorter literal prefix that is a prefix of this one. */
  shorter: RegexPlace<T> | null;

  constructor() {
    this.rules = [];
    this.shorter = null;
  }
}

export class RegexIndex<T> {
  /** Keys are literal prefixes in lower case. */
  readonly #root: RadixNode<RegexPlace<T>>;

  constructor(root: RadixNode<RegexPlace<T>>) {
    this.#root = root;
  }

  find(path: string, pathEnd: number, facts: RequestFacts): RuleEntry<T> | null {
    let node = this.#root;
    let longest = node.value;
    while (node.depth < pathEnd) {
      const next = node.child(toLowerCode(path.charCodeAt(node.depth)));
      if (next === null || !continuesInAnyCase(next, path, node.depth + 1, pathEnd)) break;
      node = next;
      longest = node.value ?? longest;
    }
    return longest === null ? null : findBestRanked(longest, wholePath(path, pathEnd), facts);
  }
}

/** A longer literal prefix mostly means a better rank, so starting there spares most of the shorter ones. */
function findBestRanked<T>(longest: RegexPlace<T>, path: string, facts: RequestFacts): RuleEntry<T> | null {
  let bestRank = Number.MAX_SAFE_INTEGER;
  let best: RuleEntry<T> | null = null;
  for (let place: RegexPlace<T> | null = longest; place !== null; place = place.shorter) {
    for (const rules of place.rules) {
      if (rules.rank > bestRank) break;
      const entry = rules.pattern.matchesWhole(path) ? firstThatHolds(rules.entries, facts) : null;
      if (entry !== null) {
        bestRank = rules.rank;
        best = entry;
        break;
      }
    }
  }
  return best;
}

/** re2js reads a whole string, so a query has to be cut off first. */
function wholePath(path: string, pathEnd: number): string {
  return pathEnd === path.length ? path : path.slice(0, pathEnd);
}

function toLowerCode(code: number): number {
  return code >= UPPER_A && code <= UPPER_Z ? code | TO_LOWER : code;
}

function continuesInAnyCase<T>(node: RadixNode<RegexPlace<T>>, path: string, from: number, end: number): boolean {
  // Changes no result, but reading past the end of a string is slow.
  if (node.depth > end) return false;
  for (let i = from; i < node.depth; i++) {
    if (toLowerCode(path.charCodeAt(i)) !== node.key.charCodeAt(i)) return false;
  }
  return true;
}
