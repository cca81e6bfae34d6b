/** How a route lets canaries take a part of its requests, as it crosses to the data plane. */
import type { LaneConfig } from './lane.ts';
import type { ObjectRef } from './object-ref.ts';
import type { ReleaseConfig } from './release.ts';

export interface CanaryConfig {
  readonly upstream: string;
  /** Null = no rule by header. */
  readonly header: CanaryHeaderMatch | null;
  /** Name of the cookie whose value `always` / `never` decides; null = no rule by cookie. */
  readonly cookie: string | null;
  /** Requests that match it take the canary; absent = no such rule. */
  readonly match?: RequestMatch;
  /** Nothing else of the canary counts for requests that do not match it; absent = it counts for all. */
  readonly gate?: RequestMatch;
  /** Share of what no rule decided: `weight` of `weightTotal`; ≤ 0 never, ≥ total always. */
  readonly weight: number;
  /** At least 1. */
  readonly weightTotal: number;
  /** Whether it takes part in the affinity of the route, if there is one: then it keeps the clients it once got. */
  readonly sticky: boolean;
  /** Its rules, unlike its weight, also count for clients whose session is with another upstream, or with itself. */
  readonly rulesFirst?: true;
  /** That its requests carry; absent = none. */
  readonly lane?: LaneConfig;
  /** For which of its requests the main upstream takes over when it fails; absent = `weight`. */
  readonly fallback?: FallbackRule;
  /** It takes everything while the main upstream has no endpoints. */
  readonly standsIn?: true;
  /** Its requests are counted beside those of the main upstream; absent = it belongs to no release. */
  readonly release?: ReleaseConfig;
  readonly source: ObjectRef;
  readonly sourceField: string;
}

/** `weight`: those that no rule sent there, sessions included. */
export type FallbackRule = 'always' | 'weight' | 'never';

export interface CanaryHeaderMatch {
  /** Lower case. */
  readonly name: string;
  /** `word`: `always` takes the canary, `never` the main, anything else goes on. `pattern`: RE2, unanchored. */
  readonly kind: 'word' | 'exact' | 'pattern';
  /** Empty for `word`. */
  readonly value: string;
}

/** A question about a request that is answered with yes or no. */
export type RequestMatch = ValueTest | MethodTest | SourceTest | MatchGroup | MatchNegation;

/** Fails where the request has no such value. */
export interface ValueTest {
  readonly kind: 'value';
  readonly of: ValueOrigin;
  /** Headers in lower case. Cookies are compared without case, query parameters with it. */
  readonly name: string;
  /** `pattern`: RE2, unanchored. */
  readonly test: 'present' | 'exact' | 'prefix' | 'pattern';
  /** Empty for `present`. */
  readonly value: string;
}

export type ValueOrigin = 'header' | 'cookie' | 'query';

export interface MethodTest {
  readonly kind: 'method';
  readonly methods: readonly string[];
}

/** The client, as trusted proxies tell. */
export interface SourceTest {
  readonly kind: 'source';
  readonly networks: readonly string[];
}

export interface MatchGroup {
  readonly kind: 'and' | 'or';
  /** At least one. */
  readonly terms: readonly RequestMatch[];
}

export interface MatchNegation {
  readonly kind: 'not';
  readonly term: RequestMatch;
}

/**
 * Divides by what a request says of its user instead of chance: the same user is always at the same point of the scale on
 * which canaries have their shares, in every process that knows `seed`.
 */
export interface BucketConfig {
  readonly by: BucketKey;
  readonly seed: string;
}

export type BucketKey =
  | { readonly kind: 'client-ip' }
  /** Header names in lower case. `jwt`: a claim of the bearer token, whose signature nobody looks at. */
  | { readonly kind: ValueOrigin | 'jwt'; readonly name: string };

/** Buckets are numbered from 0. As many as fit into integers that need no memory of their own. */
export const BUCKET_COUNT = 0x8000_0000;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const PRINTABLE = /^[\x21-\x7e]{1,256}$/;

export const BUCKET_KEY_FORM = 'header:NAME, cookie:NAME, query:NAME, jwt:CLAIM or client-ip';

/** Null for what is not of `BUCKET_KEY_FORM`. */
export function parseBucketKey(text: string): BucketKey | null {
  if (text === 'client-ip') return { kind: 'client-ip' };
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(0, colon));
  const name = text.slice(colon + 1);
  if (kind === 'header') return TOKEN.test(name) ? { kind, name: name.toLowerCase() } : null;
  if (kind === 'cookie') return TOKEN.test(name) ? { kind, name } : null;
  if (kind === 'query' || kind === 'jwt') return PRINTABLE.test(name) ? { kind, name } : null;
  return null;
}

/** What `parseBucketKey` reads. */
export function formatBucketKey(key: BucketKey): string {
  return key.kind === 'client-ip' ? key.kind : `${key.kind}:${key.name}`;
}
