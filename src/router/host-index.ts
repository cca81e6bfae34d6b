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
  readonly #exact: Map<string, V>;
  /** `.example.com` for `*.example.com`. A tree, because a Map would need the suffix as a string of its own. */
  #wildcards: RadixNode<V>;
  #anyHost: V | null;
  /** What is not in `#exact`, by host as in a rule. Cold. */
  readonly #others: Map<string, V>;

  /** Keys are hosts as in a rule: lower case, `*.` for one label, empty for any host. */
  constructor(values: ReadonlyMap<string, V>) {
    this.#exact = new Map();
    this.#others = new Map();
    this.#anyHost = null;
    this.#wildcards = buildWildcards(this.#others);
    this.replace(values);
  }

  /** Cold. Changes these values (null = gone) and looks at no others, but for wildcards at all of these. Cannot fail. */
  replace(changes: ReadonlyMap<string, V | null>): void {
    let othersChanged = false;
    for (const [host, value] of changes) {
      const isOther = host === '' || host.startsWith(WILDCARD);
      const values = isOther ? this.#others : this.#exact;
      if (value === null) values.delete(host);
      else values.set(host, value);
      othersChanged ||= isOther;
    }
    if (!othersChanged) return;
    this.#anyHost = this.#others.get('') ?? null;
    this.#wildcards = buildWildcards(this.#others);
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
