/**
 * A map that is never changed, and of which another one with a few other entries is made without copying all: entries are
 * spread over pieces by their keys, and what does not change shares its piece. For maps of thousands of objects that change
 * one at a time.
 */
/** Some ten entries each where there are ten thousand: copying pieces of forty took three times as long. */
const PIECES = 1_024;

type Piece<T> = ReadonlyMap<string, T>;

interface Comparison<T> {
  /** Weak, or who keeps an old map would keep all that came after it. */
  readonly other: WeakRef<PiecewiseMap<T>>;
  readonly keys: readonly string[];
}

export class PiecewiseMap<T> implements ReadonlyMap<string, T> {
  readonly size: number;
  readonly #pieces: readonly (Piece<T> | undefined)[];
  /** The last answer of `differingKeys`: several follow the same maps, and ask the same. */
  #compared: Comparison<T> | null;

  /** @param pieces of another map; a key stands in the piece that belongs to it */
  private constructor(pieces: readonly (Piece<T> | undefined)[], size: number) {
    this.#pieces = pieces;
    this.#compared = null;
    this.size = size;
  }

  static empty<T>(): PiecewiseMap<T> {
    return new PiecewiseMap<T>(Array.from({ length: PIECES }), 0);
  }

  /** The same with these entries; null = without. */
  with(changes: ReadonlyMap<string, T | null>): PiecewiseMap<T> {
    const pieces = [...this.#pieces];
    const copied = new Map<number, Map<string, T>>();
    let { size } = this;
    for (const [key, value] of changes) {
      const at = pieceOf(key);
      let piece = copied.get(at);
      if (piece === undefined) {
        piece = new Map(pieces[at]);
        copied.set(at, piece);
        pieces[at] = piece;
      }
      size -= piece.size;
      if (value === null) piece.delete(key);
      else piece.set(key, value);
      size += piece.size;
    }
    return new PiecewiseMap(pieces, size);
  }

  /** Keys under which the two hold different objects. */
  differingKeys(other: PiecewiseMap<T>): readonly string[] {
    if (this.#compared?.other.deref() === other) return this.#compared.keys;
    const keys = this.#compare(other);
    this.#compared = { other: new WeakRef(other), keys };
    return keys;
  }

  #compare(other: PiecewiseMap<T>): readonly string[] {
    const keys: string[] = [];
    for (let at = 0; at < PIECES; at++) {
      const [before, after] = [this.#pieces[at], other.#pieces[at]];
      if (before === after) continue;
      for (const [key, value] of after ?? []) if (before?.get(key) !== value) keys.push(key);
      for (const key of before?.keys() ?? []) if (after?.has(key) !== true) keys.push(key);
    }
    return keys;
  }

  get(key: string): T | undefined {
    return this.#pieces[pieceOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#pieces[pieceOf(key)]?.has(key) === true;
  }

  forEach(each: (value: T, key: string, map: ReadonlyMap<string, T>) => void): void {
    for (const [key, value] of this) each(value, key, this);
  }

  /** In no particular order. */
  *[Symbol.iterator](): MapIterator<[string, T]> {
    for (const piece of this.#pieces) if (piece !== undefined) yield* piece;
  }

  *keys(): MapIterator<string> {
    for (const piece of this.#pieces) if (piece !== undefined) yield* piece.keys();
  }

  *values(): MapIterator<T> {
    for (const piece of this.#pieces) if (piece !== undefined) yield* piece.values();
  }

  entries(): MapIterator<[string, T]> {
    return this[Symbol.iterator]();
  }
}

/** FNV-1a. */
function pieceOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 16)) & (PIECES - 1);
}

/** `map` with other entries. Costs little where it is piecewise. */
export function withEntries<T>(map: ReadonlyMap<string, T>, changes: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return map instanceof PiecewiseMap ? map.with(changes) : new Map([...map, ...changes]);
}

/** Keys under which two maps hold different objects, by identity. Costs little where the two are alike and piecewise. */
export function differingKeys<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): readonly string[] {
  if (before === after) return [];
  if (before instanceof PiecewiseMap && after instanceof PiecewiseMap) return before.differingKeys(after);
  const keys: string[] = [];
  for (const [key, value] of after) if (before.get(key) !== value) keys.push(key);
  for (const key of before.keys()) if (!after.has(key)) keys.push(key);
  return keys;
}
