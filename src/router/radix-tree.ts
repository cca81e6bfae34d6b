/**
 * A radix tree over characters: the storage behind path and wildcard lookups. It knows keys and values only; what a
 * value means, and which of the nodes on the way down count, is up to its users.
 * Hot: `child` and `continues` are guarded by `bench/micro/router.bench.ts`.
 */

/** Codes below this have a place in a dense table; a hostile key of far-apart codes must not make it large. */
const DENSE_CODES = 128;

/** Shared by all leaves, which are most of the nodes. */
const NO_CHILDREN: readonly null[] = [];

/**
 * Stands for the first `depth` characters of `key`. The key is any one that passes through here, so a node compares the
 * text with it at the same positions and no label ever has to be cut out of it:
 *
 *     keys /cart, /cat        depth 3 "/ca" ──'r'──▶ depth 5 "/cart"
 *                                           └─'t'──▶ depth 4 "/cat"
 */
export class RadixNode<V> {
  readonly key: string;
  readonly depth: number;
  /** Null where keys merely part. */
  value: V | null;
  #firstCode: number;
  #dense: readonly (RadixNode<V> | null)[];
  #sparse: Map<number, RadixNode<V>> | null;

  constructor(key: string, depth: number) {
    this.key = key;
    this.depth = depth;
    this.value = null;
    this.#firstCode = 0;
    this.#dense = NO_CHILDREN;
    this.#sparse = null;
  }

  /** The node reached by a character, if `continues` agrees about the characters after it. */
  child(code: number): RadixNode<V> | null {
    if (code >= DENSE_CODES) return this.#sparse === null ? null : (this.#sparse.get(code) ?? null);
    const index = code - this.#firstCode;
    // Read inside the bounds only: V8 leaves the fast path for good after one read outside.
    return index >= 0 && index < this.#dense.length ? (this.#dense[index] ?? null) : null;
  }

  /** Whether text[start … end) has the characters `from` to `depth` of the key. */
  continues(text: string, start: number, from: number, end: number): boolean {
    if (start + this.depth > end) return false;
    for (let i = from; i < this.depth; i++) {
      if (text.charCodeAt(start + i) !== this.key.charCodeAt(i)) return false;
    }
    return true;
  }

  setChild(code: number, node: RadixNode<V>): void {
    if (code >= DENSE_CODES) {
      this.#sparse ??= new Map();
      this.#sparse.set(code, node);
      return;
    }
    const first = this.#dense.length === 0 ? code : Math.min(code, this.#firstCode);
    const end = Math.max(code + 1, this.#firstCode + this.#dense.length);
    const grown: (RadixNode<V> | null)[] = [];
    for (let at = first; at < end; at++) grown.push(at === code ? node : this.child(at));
    this.#firstCode = first;
    this.#dense = grown;
  }
}

/** Cold. Returns the node of exactly this key, made if there is none. */
export function insertKey<V>(root: RadixNode<V>, key: string): RadixNode<V> {
  let node = root;
  while (node.depth < key.length) {
    const code = key.charCodeAt(node.depth);
    const next = node.child(code);
    if (next === null) {
      const leaf = new RadixNode<V>(key, key.length);
      node.setChild(code, leaf);
      return leaf;
    }
    const shared = sharedLength(next.key, key, Math.min(next.depth, key.length));
    if (shared === next.depth) {
      node = next;
    } else {
      const fork = new RadixNode<V>(key, shared);
      fork.setChild(next.key.charCodeAt(shared), next);
      node.setChild(code, fork);
      node = fork;
    }
  }
  return node;
}

/** The value of the key that is text[start … end); null if there is none. */
export function findValue<V>(root: RadixNode<V>, text: string, start: number, end: number): V | null {
  let node = root;
  while (start + node.depth < end) {
    const next = node.child(text.charCodeAt(start + node.depth));
    if (next === null || !next.continues(text, start, node.depth + 1, end)) return null;
    node = next;
  }
  return node.value;
}

function sharedLength(a: string, b: string, limit: number): number {
  let length = 0;
  while (length < limit && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
