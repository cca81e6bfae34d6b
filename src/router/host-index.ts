/**
 * Finds the table of a host: the host itself, else the wildcard that covers it, else the table for any host.
 * Hot: guarded by `bench/micro/router.bench.ts` and the allocation budget.
 */
import { findValue, insertKey, RadixNode } from './radix-tree.ts';

const DOT = 0x2e;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const WILDCARD = '*.';

export class HostIndex<V> {
  readonly #exact: ReadonlyMap<string, V>;
  /** `.example.com` for `*.example.com`. A tree, because a Map would need the suffix as a string of its own. */
  readonly #wildcards: RadixNode<V>;
  readonly #anyHost: V | null;
  /** What is not in `#exact`, by host as in a rule. Cold. */
  readonly #others: ReadonlyMap<string, V>;

  private constructor(
    exact: ReadonlyMap<string, V>,
    others: ReadonlyMap<string, V>,
    wildcards: RadixNode<V> = buildWildcards(others),
  ) {
    this.#exact = exact;
    this.#others = others;
    this.#anyHost = others.get('') ?? null;
    this.#wildcards = wildcards;
  }

  /** Keys are hosts as in a rule: lower case, `*.` for one label, empty for any host. */
  static of<V>(values: ReadonlyMap<string, V>): HostIndex<V> {
    return new HostIndex<V>(new Map(), new Map()).with(values);
  }

  /** Cold. An index with these values changed (null = gone); this one stays as it is. Costs a copy of a Map, and the changes. */
  with(changes: ReadonlyMap<string, V | null>): HostIndex<V> {
    const exact = new Map(this.#exact);
    let others: Map<string, V> | null = null;
    for (const [host, value] of changes) {
      const isOther = host === '' || host.startsWith(WILDCARD);
      if (isOther) others ??= new Map(this.#others);
      const values = isOther && others !== null ? others : exact;
      if (value === null) values.delete(host);
      else values.set(host, value);
    }
    return others === null ? new HostIndex(exact, this.#others, this.#wildcards) : new HostIndex(exact, others);
  }

  find(host: string): V | null {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    const dot = endOfLabel(host);
    const wildcard = dot === -1 ? null : findValue(this.#wildcards, host, dot, host.length);
    return wildcard ?? this.#anyHost;
  }
}

function buildWildcards<V>(others: ReadonlyMap<string, V>): RadixNode<V> {
  const root = new RadixNode<V>('', 0);
  for (const [host, value] of others) if (host !== '') insertKey(root, host.slice(1)).value = value;
  return root;
}

/** Place of the first dot if what stands before it is a label a wildcard may stand for; else -1. */
function endOfLabel(host: string): number {
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code === DOT) return i === 0 ? -1 : i;
    if (!isLabelCode(code)) return -1;
  }
  return -1;
}

function isLabelCode(code: number): boolean {
  if (code === HYPHEN || code === UNDERSCORE) return true;
  if (code >= 0x30 && code <= 0x39) return true;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
