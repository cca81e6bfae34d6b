/**
 * A table of slots, each of one endpoint, so that a key is found by one division (Eisenbud et al., "Maglev: A Fast and
 * Reliable Software Network Load Balancer", 2016, §3.4). Endpoints choose slots in turn, each in an order of its own, until
 * each has its share. Shares are more even than on a ring, and a few keys more than necessary move when endpoints do.
 * Hot: part of `bench/micro/balancer.bench.ts`.
 */
import { crc32 } from '../model/crc32.ts';
import type { Endpoint } from './endpoint.ts';
import type { KeyOrder } from './key-order.ts';

/** A prime, so that every step width visits every slot. The same for all, or keys would move when a list grows. */
const SLOTS = 65_537;
const FREE = 0xffff;

export class MaglevTable implements KeyOrder {
  endpoints: readonly Endpoint[];
  /** By slot, the number of the endpoint. */
  #owners: Uint16Array;
  #weights: readonly number[];

  constructor() {
    this.endpoints = [];
    this.#owners = new Uint16Array(0);
    this.#weights = [];
  }

  get size(): number {
    return this.#owners.length;
  }

  /** Goes by configured weights, as the ring does. Of longer lists than any Service has, the first 65,535 take part. */
  rebuild(endpoints: readonly Endpoint[]): void {
    const former = this.endpoints;
    const formerWeights = this.#weights;
    this.endpoints = endpoints.slice(0, FREE);
    this.#weights = this.endpoints.map((endpoint) => endpoint.weight);
    const isSame = this.endpoints.every((one, at) => one === former[at] && one.weight === formerWeights[at]);
    if (isSame && former.length === this.endpoints.length) return;
    this.#fill();
  }

  #fill(): void {
    this.#owners = new Uint16Array(this.endpoints.length === 0 ? 0 : SLOTS).fill(FREE);
    const quotas = toQuotas(this.#weights);
    const order = [...quotas.keys()].toSorted((a, b) => (quotas[b] ?? 0) - (quotas[a] ?? 0));
    const seats = this.endpoints.map((endpoint) => new Preference(endpoint.id));
    let free = this.#owners.length;
    for (let round = 0; free > 0; round += 1) {
      for (const place of order) {
        // From here on all have their share.
        if ((quotas[place] ?? 0) <= round || free === 0) break;
        this.#take(place, seats[place] as Preference);
        free -= 1;
      }
    }
  }

  locate(hashKey: number): number {
    return (hashKey >>> 0) % SLOTS;
  }

  at(place: number): Endpoint {
    return this.endpoints[this.#owners[place] ?? 0] as Endpoint;
  }

  #take(place: number, preference: Preference): void {
    let slot = preference.next();
    while (this.#owners[slot] !== FREE) slot = preference.next();
    this.#owners[slot] = place;
  }
}

/** The order in which one endpoint wants slots: all of them, once each. */
class Preference {
  readonly #step: number;
  #slot: number;

  constructor(id: string) {
    const hash = mix(crc32(id));
    this.#slot = hash % SLOTS;
    this.#step = (mix(hash ^ 0x5bd1e995) % (SLOTS - 1)) + 1;
  }

  next(): number {
    const slot = this.#slot;
    const following = slot + this.#step;
    this.#slot = following >= SLOTS ? following - SLOTS : following;
    return slot;
  }
}

/** How many slots each may have: in sum all, and at least one each. */
function toQuotas(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const exact = weights.map((weight) => (weight * SLOTS) / total);
  const quotas = exact.map((share) => Math.max(1, Math.floor(share)));
  const given = quotas.reduce((sum, quota) => sum + quota, 0);
  const byRest = [...exact.keys()].toSorted((a, b) => restOf(exact[b] ?? 0) - restOf(exact[a] ?? 0));
  for (const place of byRest.slice(0, Math.max(0, SLOTS - given))) quotas[place] = (quotas[place] ?? 0) + 1;
  return quotas;
}

function restOf(share: number): number {
  return share - Math.floor(share);
}

/** Checksums of similar names differ in few bits; this spreads them over all (the last steps of MurmurHash3). */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
