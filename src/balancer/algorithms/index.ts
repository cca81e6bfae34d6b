/** The list of balancing algorithms, by the name configuration uses. */
import type { BalancerName } from '../../model/upstream-policy.ts';
import type { Balancer } from '../balancer.ts';
import { SmoothWeightedRoundRobin } from './smooth-weighted-round-robin.ts';

/** `seed` (a 32-bit integer) varies where the sequence starts, so that workers do not all begin with the same endpoint. */
export const ALGORITHMS: Readonly<Record<BalancerName, (seed: number) => Balancer>> = {
  'round-robin': (seed) => new SmoothWeightedRoundRobin(seed),
};
