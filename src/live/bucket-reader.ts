/**
 * Finds the bucket of a request: where its user stands on the scale that canaries share, whatever the process, the worker or
 * the day. Hot for routes that ask for it: hashing allocates nothing, and a token is parsed only for `jwt`.
 */
import type { BucketConfig } from '../model/canary.ts';
import { murmur3 } from '../model/murmur3.ts';
import type { RequestFacts } from '../router/route-table.ts';
import { readClaim } from './jwt-claim.ts';
import { readValue } from './request-match.ts';

/** The bucket of a request that says nothing of its user. */
export const NO_BUCKET = -1;

type KeyReader = (facts: RequestFacts, clientIp: string) => string | null;

export class BucketReader {
  readonly #keyOf: KeyReader;
  readonly #seed: number;

  constructor({ by, seed }: BucketConfig) {
    this.#keyOf = toKeyReader(by);
    this.#seed = murmur3(seed, 0);
  }

  /** @returns from 0 to 2^31 - 1, or `NO_BUCKET` */
  of(facts: RequestFacts, clientIp: string): number {
    const key = this.#keyOf(facts, clientIp);
    return key === null || key === '' ? NO_BUCKET : murmur3(key, this.#seed) >>> 1;
  }
}

function toKeyReader(by: BucketConfig['by']): KeyReader {
  if (by.kind === 'client-ip') return (_, clientIp) => clientIp;
  const { kind, name } = by;
  if (kind === 'jwt') return (facts) => readClaim(facts.header('authorization'), name);
  return (facts) => readValue(facts, kind, name);
}
