/**
 * Builds the `RouteTable` of a generation: files every rule under its host and path and lays down the order in which
 * rules are tried, so that a request only has to walk. Cold.
 */
import type { PathMatch, RouteConditions } from '../model/proxy-config.ts';
import { HostIndex } from './host-index.ts';
import { compilePathPattern, literalPrefix, type PathPattern } from './path-pattern.ts';
import { type PathIndex, PathPlace, PathTable } from './path-table.ts';
import { insertKey, RadixNode } from './radix-tree.ts';
import { RegexIndex, RegexPlace } from './regex-index.ts';
import { RouteTable } from './route-table.ts';
import { compileConditions, RuleEntry } from './rule-conditions.ts';

export interface RouteRule<T> {
  /** Lower case; empty = any host; `*.example.com` = exactly one label. */
  readonly host: string;
  readonly path: PathMatch;
  readonly conditions: RouteConditions | null;
  readonly payload: T;
}

type PatternCache = Map<string, PathPattern | null>;

/**
 * Rules of the same host and path are tried in the order given. A rule with a pattern that is not valid is left out; its
 * host counts as served all the same, so that its requests do not reach the rules of another host.
 */
export function buildRouteTable<T>(rules: readonly RouteRule<T>[]): RouteTable<T> {
  const rulesByHost = new Map<string, RouteRule<T>[]>();
  for (const rule of rules) {
    const sameHost = rulesByHost.get(rule.host);
    if (sameHost === undefined) rulesByHost.set(rule.host, [rule]);
    else sameHost.push(rule);
  }
  // Many hosts tend to use the same few patterns.
  const patterns: PatternCache = new Map();
  const tables = new Map<string, PathTable<T>>();
  for (const [host, ofHost] of rulesByHost) tables.set(host, buildPathTable(host, ofHost, patterns));
  return new RouteTable(new HostIndex(tables));
}

export interface HostRules<T> {
  /** As in a rule. */
  readonly host: string;
  /** All rules of the host; none = nothing serves it. */
  readonly rules: readonly RouteRule<T>[];
}

/** Builds what `RouteTable.replaceHosts` puts in the place of the rules some hosts have, host by host. */
export class HostBuilder<T> {
  readonly #patterns: PatternCache;
  readonly #hosts: Map<string, PathTable<T> | null>;

  constructor() {
    this.#patterns = new Map();
    this.#hosts = new Map();
  }

  get hosts(): ReadonlyMap<string, PathTable<T> | null> {
    return this.#hosts;
  }

  add({ host, rules }: HostRules<T>): void {
    this.#hosts.set(host, rules.length === 0 ? null : buildPathTable(host, rules, this.#patterns));
  }

  /** @param makeRules at least one, of `host`; called with its first request, if there ever is one, and must not throw */
  addLater(host: string, makeRules: () => readonly RouteRule<T>[]): void {
    this.#hosts.set(host, new PathTable(host, () => buildPathIndex(makeRules(), new Map())));
  }
}

/** Rules filed under the text they are looked up by, in the order given. */
type EntriesByText<T> = Map<string, RuleEntry<T>[]>;

function buildPathTable<T>(host: string, rules: readonly RouteRule<T>[], patterns: PatternCache): PathTable<T> {
  return new PathTable(host, buildPathIndex(rules, patterns));
}

function buildPathIndex<T>(rules: readonly RouteRule<T>[], patterns: PatternCache): PathIndex<T> {
  const byKind: Record<PathMatch['kind'], EntriesByText<T>> = { exact: new Map(), prefix: new Map(), regex: new Map() };
  for (const rule of rules) {
    const conditions = rule.conditions === null ? null : compileConditions(rule.conditions);
    if (rule.conditions !== null && conditions === null) continue;
    const entries = byKind[rule.path.kind];
    const entry = new RuleEntry(rule.payload, conditions);
    const samePlace = entries.get(rule.path.value);
    if (samePlace === undefined) entries.set(rule.path.value, [entry]);
    else samePlace.push(entry);
  }
  return { root: buildPathTree(byKind.exact, byKind.prefix), regexes: buildRegexIndex(byKind.regex, patterns) };
}

function buildPathTree<T>(exact: EntriesByText<T>, prefix: EntriesByText<T>): RadixNode<PathPlace<T>> {
  const root = new RadixNode<PathPlace<T>>('', 0);
  for (const [path, entries] of exact) placeAt(root, path).exact = entries;
  const prefixPlaces = new Map<string, PathPlace<T>>();
  for (const written of prefix.keys()) {
    const path = withoutSlashAtEnd(written);
    if (prefixPlaces.has(path)) continue;
    const place = placeAt(root, path);
    // A plain `/foo/` has its own place at `/foo`; it stands here as well when there is a `/foo//` to be ordered with.
    const plain = prefix.get(path) ?? [];
    const withSlash = prefix.get(`${path}/`) ?? [];
    place.prefixAtPath = join(plain, withSlash);
    place.prefixBelow = join(withSlash, plain);
    prefixPlaces.set(path, place);
  }
  for (const [path, place] of prefixPlaces) place.shorter = nextShorterPrefix(root, path);
  return root;
}

function placeAt<T>(root: RadixNode<PathPlace<T>>, path: string): PathPlace<T> {
  const node = insertKey(root, path);
  node.value ??= new PathPlace();
  return node.value;
}

/** Makes an array only where there are entries on both sides: most places have one rule, and there are many places. */
function join<E>(first: readonly E[], second: readonly E[]): readonly E[] {
  if (first.length === 0) return second;
  return second.length === 0 ? first : [...first, ...second];
}

function withoutSlashAtEnd(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The last place with rules by prefix on the way to `path` that ends where an element of `path` ends. */
function nextShorterPrefix<T>(root: RadixNode<PathPlace<T>>, path: string): PathPlace<T> | null {
  let last: PathPlace<T> | null = null;
  let node: RadixNode<PathPlace<T>> | null = root;
  while (node !== null && node.depth < path.length) {
    const endsElement = node === root || path[node.depth] === '/';
    if (endsElement && node.value !== null && node.value.prefixBelow.length > 0) last = node.value;
    node = node.child(path.charCodeAt(node.depth));
  }
  return last;
}

function buildRegexIndex<T>(bySource: EntriesByText<T>, patterns: PatternCache): RegexIndex<T> | null {
  if (bySource.size === 0) return null;
  const root = new RadixNode<RegexPlace<T>>('', 0);
  const places = new Map<string, RegexPlace<T>>();
  // The sort is stable, so patterns of the same length keep the order given.
  const sources = [...bySource].toSorted(([a], [b]) => b.length - a.length);
  for (const [rank, [source, entries]] of sources.entries()) {
    const pattern = cachedPattern(patterns, source);
    if (pattern === null) continue;
    const prefix = literalPrefix(source);
    const node = insertKey(root, prefix);
    node.value ??= new RegexPlace();
    places.set(prefix, node.value);
    node.value.rules.push({ pattern, rank, entries });
  }
  for (const [prefix, place] of places) place.shorter = nextShorterLiteral(root, prefix);
  return new RegexIndex(root);
}

function cachedPattern(patterns: PatternCache, source: string): PathPattern | null {
  let pattern = patterns.get(source);
  if (pattern === undefined) {
    pattern = compilePathPattern(source);
    patterns.set(source, pattern);
  }
  return pattern;
}

function nextShorterLiteral<T>(root: RadixNode<RegexPlace<T>>, prefix: string): RegexPlace<T> | null {
  let last: RegexPlace<T> | null = null;
  let node: RadixNode<RegexPlace<T>> | null = root;
  while (node !== null && node.depth < prefix.length) {
    last = node.value ?? last;
    node = node.child(prefix.charCodeAt(node.depth));
  }
  return last;
}
