/**
 * A key leads to a small set of endpoints, and each request to any of these: less even than single endpoints for hot keys,
 * less scattered than none. Sets are cut from the list in order, and the last is filled up from its beginning; their names
 * (`set1`, `set2`, …) stand on the ring, as in ingress-nginx. Hot.
 */
import { type Balancer, NONE_TRIED, type UpstreamLoad } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';
import { InFlightBound } from './in-flight-bound.ts';
import { isExhausted } from './key-order.ts';
import { PointRing } from './point-ring.ts';
import { Xorshift32 } from './xorshift.ts';

interface Subset {
  readonly members: readonly Endpoint[];
  readonly totalWeight: number;
}

export class SubsetHash implements Balancer {
  readonly #subsetSize: number;
  readonly #bound: InFlightBound;
  readonly #ring: PointRing;
  readonly #random: Xorshift32;
  #available: readonly Endpoint[];
  #sets: readonly Subset[];

  /**
   * @param subsetSize at least 1
   * @param boundPercent as `HashingConfig` has it
   */
  constructor(seed: number, subsetSize: number, boundPercent: number, load: UpstreamLoad) {
    this.#subsetSize = subsetSize;
    this.#bound = new InFlightBound(boundPercent, load);
    this.#ring = new PointRing();
    this.#random = new Xorshift32(seed);
    this.#available = [];
    this.#sets = [];
  }

  rebuild(available: readonly Endpoint[]): void {
    const size = Math.min(this.#subsetSize, available.length);
    const count = size === 0 ? 0 : Math.ceil(available.length / size);
    this.#available = available;
    const around = [...available, ...available];
    this.#sets = Array.from({ length: count }, (_, set) => toSubset(around.slice(set * size, (set + 1) * size)));
    this.#ring.rebuild(
      this.#sets.map((_, set) => `set${set + 1}`),
      this.#sets.map(() => 1),
    );
    this.#bound.rebuild(available);
  }

  pick(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    if (this.#sets.length === 0) return null;
    const place = this.#ring.locate(hashKey);
    const member = this.#drawMember(this.#setAt(place));
    if (tried.length === 0 && this.#bound.off) return this.#setAt(place).members[member] ?? null;
    const usable = tried.length >= this.#available.length && isExhausted(this.#available, tried) ? NONE_TRIED : tried;
    return this.#walk(place, member, usable, true) ?? this.#walk(place, member, usable, false);
  }

  observe(): void {
    // A key does not change its set because that is slow.
  }

  #setAt(place: number): Subset {
    return this.#sets[this.#ring.ownerAt(place)] as Subset;
  }

  /** The number of a member, each as likely as its weight in force says. */
  #drawMember({ members, totalWeight }: Subset): number {
    let rest = this.#random.draw() % totalWeight;
    for (let member = 0; member < members.length; member += 1) {
      rest -= (members[member] as Endpoint).weightInForce;
      if (rest < 0) return member;
    }
    return 0;
  }

  /** The set of the key first, from one member on, then the sets behind it on the ring. */
  #walk(place: number, start: number, tried: readonly Endpoint[], withRoom: boolean): Endpoint | null {
    const { size } = this.#ring;
    for (let step = 0; step < size; step += 1) {
      const { members } = this.#setAt((place + step) % size);
      for (let member = 0; member < members.length; member += 1) {
        const endpoint = members[(start + member) % members.length] as Endpoint;
        if (!tried.includes(endpoint) && (!withRoom || this.#bound.hasRoom(endpoint))) return endpoint;
      }
    }
    return null;
  }
}

function toSubset(members: readonly Endpoint[]): Subset {
  return { members, totalWeight: members.reduce((sum, { weightInForce }) => sum + weightInForce, 0) };
}
