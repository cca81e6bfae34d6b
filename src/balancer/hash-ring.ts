/**
 * The endpoints on a ring of points: a hash key belongs to the endpoint of the next point, and when an endpoint goes, only
 * its own keys move. Equal to the ring of ingress-nginx while weights are 1. Hot: part of `bench/micro/balancer.bench.ts`.
 */
import type { Endpoint } from './endpoint.ts';
import { findUntried, type KeyOrder } from './key-order.ts';
import { PointRing } from './point-ring.ts';

export class HashRing implements KeyOrder {
  endpoints: readonly Endpoint[];
  readonly #ring: PointRing;

  constructor() {
    this.endpoints = [];
    this.#ring = new PointRing();
  }

  get size(): number {
    return this.#ring.size;
  }

  /** Goes by configured weights, not by those in force: a slow start would move the same keys to and fro. */
  rebuild(endpoints: readonly Endpoint[]): void {
    this.#ring.rebuild(
      endpoints.map((endpoint) => endpoint.id),
      endpoints.map((endpoint) => endpoint.weight),
    );
    this.endpoints = endpoints;
  }

  locate(hashKey: number): number {
    return this.#ring.locate(hashKey);
  }

  at(place: number): Endpoint {
    return this.endpoints[this.#ring.ownerAt(place)] as Endpoint;
  }

  /** Hot. The endpoint a 32-bit hash key belongs to; null only without endpoints. */
  lookup(hashKey: number): Endpoint | null {
    return this.endpoints.length === 0 ? null : this.at(this.locate(hashKey));
  }

  /** The first in the order of the key that is not in `tried`; null when all are. */
  lookupUntried(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    return this.size === 0 ? null : findUntried(this, this.locate(hashKey), tried);
  }
}
