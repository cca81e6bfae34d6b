/**
 * A ring of 2^32 places with many points for each of a list of owners, who are known by name and number. The points are
 * those of ingress-nginx, so that its cookies and hashed keys lead to the same pods: for a name s, p(0) = crc32(s, 0) and
 * p(i) = crc32(s, p(i-1)), numbers in four bytes, least significant first. What owners are is not known here.
 */
import { crc32, crc32OfInt32 } from '../model/crc32.ts';

/** Of an owner of weight 1. */
const POINTS = 160;
/** Weights above 1 multiply points only as far as the whole ring stays below this, or all would if each had weight 1. */
const MAX_WEIGHTED_POINTS = 2 ** 15;
/** Owners and points packed into one double, so that a plain numeric sort orders both. */
const OWNER_RANGE = 2 ** 21;
const GONE = -1;

export class PointRing {
  /** Ascending, and at equal points by owner. */
  #points: Uint32Array;
  /** The owner of each point. */
  #owners: Uint16Array | Uint32Array;
  /** The first point of each of the equal ranges the ring is divided in. One has about four points: they lie in one cache line. */
  #starts: Uint32Array;
  /** Places to ranges. */
  #shift: number;
  /** By owner. */
  #names: readonly string[];
  #counts: readonly number[];

  constructor() {
    this.#points = new Uint32Array(0);
    this.#owners = new Uint16Array(0);
    this.#starts = new Uint32Array(2);
    this.#shift = 31;
    this.#names = [];
    this.#counts = [];
  }

  /** Number of points. */
  get size(): number {
    return this.#points.length;
  }

  /** `names` are distinct; `weights` are whole numbers above 0, one for each. Points of owners that stay are not computed again. */
  rebuild(names: readonly string[], weights: readonly number[]): void {
    const counts = countPoints(weights);
    if (isEqual(names, this.#names) && isEqual(counts, this.#counts)) return;
    const heirs = this.#findHeirs(names, counts);
    const kept = new Set(heirs);
    const fresh = packPoints(names, counts, kept);
    this.#merge(heirs, fresh, names.length);
    this.#names = names;
    this.#counts = counts;
    this.#index();
  }

  /** Hot. The place (0 to `size` - 1) of the first point that is not before `hashKey`, a 32-bit integer. The ring must not be empty. */
  locate(hashKey: number): number {
    const key = hashKey >>> 0;
    const points = this.#points;
    let place = this.#starts[key >>> this.#shift] ?? 0;
    while (place < points.length && (points[place] ?? 0) < key) place += 1;
    return place === points.length ? 0 : place;
  }

  /** Hot. The number of the owner of the point at `place`. */
  ownerAt(place: number): number {
    return this.#owners[place] ?? 0;
  }

  /** New numbers of the former owners, `GONE` for those whose points are not the same now. */
  #findHeirs(names: readonly string[], counts: readonly number[]): Int32Array {
    const numbers = new Map(names.map((name, owner) => [name, owner]));
    const heirs = new Int32Array(this.#names.length).fill(GONE);
    let last = GONE;
    for (const [former, name] of this.#names.entries()) {
      const owner = numbers.get(name);
      if (owner === undefined || counts[owner] !== this.#counts[former]) continue;
      // In another order equal points would be in the wrong one, so this owner gets new points.
      if (owner < last) continue;
      heirs[former] = owner;
      last = owner;
    }
    return heirs;
  }

  #merge(heirs: Int32Array, fresh: Float64Array, count: number): void {
    const points = new Uint32Array(this.#points.length + fresh.length);
    const owners = count > 2 ** 16 ? new Uint32Array(points.length) : new Uint16Array(points.length);
    let size = 0;
    let next = 0;
    const takeFresh = (before: number): void => {
      for (; next < fresh.length && (fresh[next] ?? 0) < before; next += 1) {
        const packed = fresh[next] ?? 0;
        const point = Math.floor(packed / OWNER_RANGE);
        points[size] = point;
        owners[size] = packed - point * OWNER_RANGE;
        size += 1;
      }
    };
    for (let place = 0; place < this.#points.length; place += 1) {
      const owner = heirs[this.#owners[place] ?? 0] ?? GONE;
      if (owner === GONE) continue;
      const point = this.#points[place] ?? 0;
      takeFresh(point * OWNER_RANGE + owner);
      points[size] = point;
      owners[size] = owner;
      size += 1;
    }
    takeFresh(Number.POSITIVE_INFINITY);
    this.#points = points.slice(0, size);
    this.#owners = owners.slice(0, size);
  }

  #index(): void {
    const points = this.#points;
    const bits = Math.max(1, 29 - Math.clz32(points.length));
    this.#shift = 32 - bits;
    this.#starts = new Uint32Array(2 ** bits);
    let place = 0;
    for (let range = 0; range < this.#starts.length; range += 1) {
      const first = range * 2 ** this.#shift;
      while (place < points.length && (points[place] ?? 0) < first) place += 1;
      this.#starts[range] = place;
    }
  }
}

function isEqual<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at]);
}

function countPoints(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0) * POINTS;
  const most = Math.max(MAX_WEIGHTED_POINTS, weights.length * POINTS);
  const scale = total > most ? most / total : 1;
  return weights.map((weight) => Math.max(1, Math.round(weight * POINTS * scale)));
}

/** Sorted points of all but the owners in `kept`. */
function packPoints(names: readonly string[], counts: readonly number[], kept: ReadonlySet<number>): Float64Array {
  const fresh = counts.map((count, owner) => (kept.has(owner) ? 0 : count));
  const packed = new Float64Array(fresh.reduce((sum, count) => sum + count, 0));
  let size = 0;
  for (const [owner, count] of fresh.entries()) {
    if (count === 0) continue;
    const before = crc32(names[owner] ?? '');
    let point = 0;
    for (let index = 0; index < count; index += 1) {
      point = crc32OfInt32(point, before);
      packed[size] = point * OWNER_RANGE + owner;
      size += 1;
    }
  }
  return packed.toSorted();
}
