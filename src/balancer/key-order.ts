/** The order in which endpoints are asked for a hash key, by those who make one: a ring or a table. */
import type { Endpoint } from './endpoint.ts';

export interface KeyOrder {
  /** As they were given. */
  readonly endpoints: readonly Endpoint[];
  /** Number of places; 0 only without endpoints. */
  readonly size: number;
  rebuild(endpoints: readonly Endpoint[]): void;
  /** Hot. Where a 32-bit key begins, 0 to `size` - 1; its order goes on with the places behind and around. Not without endpoints. */
  locate(hashKey: number): number;
  /** Hot. Each endpoint has places, most of them many. */
  at(place: number): Endpoint;
}

/** Hot. The first endpoint from `place` on that is not in `tried`; null when all are. */
export function findUntried(order: KeyOrder, place: number, tried: readonly Endpoint[]): Endpoint | null {
  // The order has to be gone through to its end only where nobody is left, which the shorter list of endpoints tells.
  if (tried.length >= order.endpoints.length && isExhausted(order.endpoints, tried)) return null;
  for (let step = 0; step < order.size; step += 1) {
    const endpoint = order.at((place + step) % order.size);
    if (!tried.includes(endpoint)) return endpoint;
  }
  return null;
}

/** Whether all of `endpoints` are in `tried`. */
export function isExhausted(endpoints: readonly Endpoint[], tried: readonly Endpoint[]): boolean {
  return endpoints.every((endpoint) => tried.includes(endpoint));
}
