/** Equal hash keys to the same endpoint, by a ring of points: only keys of endpoints that come or go ever move. */
import type { HashingConfig } from '../../model/upstream-policy.ts';
import type { Balancer, UpstreamLoad } from '../balancer.ts';
import { ConsistentHash } from '../consistent-hash.ts';
import { HashRing } from '../hash-ring.ts';
import { SubsetHash } from '../subset-hash.ts';

export function createRingHash(seed: number, hashing: HashingConfig | null, load: UpstreamLoad): Balancer {
  if (hashing === null) return new ConsistentHash(new HashRing(), 0, load);
  const { subsetSize, boundPercent } = hashing;
  return subsetSize > 0
    ? new SubsetHash(seed, subsetSize, boundPercent, load)
    : new ConsistentHash(new HashRing(), boundPercent, load);
}
