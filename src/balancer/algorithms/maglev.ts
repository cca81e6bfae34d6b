/** Equal hash keys to the same endpoint, by a table of slots: more even shares than a ring of points gives. */
import type { HashingConfig } from '../../model/upstream-policy.ts';
import type { Balancer, UpstreamLoad } from '../balancer.ts';
import { ConsistentHash } from '../consistent-hash.ts';
import { MaglevTable } from '../maglev-table.ts';

export function createMaglev(hashing: HashingConfig | null, load: UpstreamLoad): Balancer {
  return new ConsistentHash(new MaglevTable(), hashing === null ? 0 : hashing.boundPercent, load);
}
