/** The list of balancing algorithms, by the name configuration uses. */
import type { BalancerName, HashingConfig } from '../../model/upstream-policy.ts';
import type { Balancer, UpstreamLoad } from '../balancer.ts';
import { LeastRequest } from './least-request.ts';
import { createMaglev } from './maglev.ts';
import { PeakEwma } from './peak-ewma.ts';
import { Random } from './random.ts';
import { createRingHash } from './ring-hash.ts';
import { SmoothWeightedRoundRobin } from './smooth-weighted-round-robin.ts';

/** `seed` (a 32-bit integer) varies where the sequence starts, so that workers do not all begin with the same endpoint. */
export type CreateBalancer = (seed: number, hashing: HashingConfig | null, load: UpstreamLoad) => Balancer;

export const ALGORITHMS: Readonly<Record<BalancerName, CreateBalancer>> = {
  'round-robin': (seed) => new SmoothWeightedRoundRobin(seed),
  'least-request': (seed) => new LeastRequest(seed),
  'peak-ewma': (seed) => new PeakEwma(seed),
  random: (seed) => new Random(seed),
  'ring-hash': (seed, hashing, load) => createRingHash(seed, hashing, load),
  maglev: (_seed, hashing, load) => createMaglev(hashing, load),
};
