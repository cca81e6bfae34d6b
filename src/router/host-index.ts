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
  readonly #wildcards: RadixNode<V>;
  #anyHost: V | null;
  /** What is not in `#exact`, by host as in a rule. Cold. */
  readonly #others: Map<string, V>;

  /** Keys are hosts as in a rule: lower case, `*.` for one label, empty for any host. */
  constructor(values: ReadonlyMap<string, V>) {
    this.#exact = new Map();
    this.#wildcards = new RadixNode('', 0);
    this.#anyHost = null;
    this.#others = new Map();
    for (const [host, value] of values) {
      if (host === '' || host.startsWith(WILDCARD)) this.#others.set(host, value);
      if (host === '') this.#anyHost = value;
      else if (host.startsWith(WILDCARD)) insertKey(this.#wildcards, host.slice(1)).value = value;
      else this.#exact.set(host, value);
    }
  }

  /** Cold. An index with these values changed (null = gone); this one stays as it is. */
  with(changes: ReadonlyMap<string, V | null>): HostIndex<V> {
    const values = new Map(this.#exact);
    for (const [host, value] of this.#others) values.set(host, value);
    for (const [host, value] of changes) {
      if (value === null) values.delete(host);
      else values.set(host, value);
    }
    return new HostIndex(values);
  }

  find(host: string): V | null {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    const dot = endOfLabel(host);
    const wildcard = dot === -1 ? null : findValue(this.#wildcards, host, dot, host.length);
    return wildcard ?? this.#anyHost;
  }
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
