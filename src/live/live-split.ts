/**
 * Decides which upstream takes a request: rules by header, then by cookie, then matches, each over all canaries in order,
 * then weights. The decision is taken once per exchange and kept for its retries.
 * Hot: a route without canaries takes the first branch.
 */
import { RE2JS } from 're2js';
import type { Upstream } from '../balancer/upstream.ts';
import { BUCKET_COUNT, type FallbackRule } from '../model/canary.ts';
import type { LaneConfig } from '../model/lane.ts';
import type { RequestFacts } from '../router/route-table.ts';
import { type BucketReader, NO_BUCKET } from './bucket-reader.ts';
import { cookieValue } from './cookie-value.ts';
import type { HashKey } from './hash-key.ts';
import type { SideCounts } from './release-counts.ts';
import type { MatchFunction } from './request-match.ts';
import type { SplitStats } from './route-stats.ts';
import type { StickyEndpoints } from './sticky-endpoints.ts';

/** What is tied to one side beside its upstream: what leads requests to an endpoint, and where releases count them. */
export interface TargetBinding {
  /** Null = its balancer does not ask for keys. */
  readonly hashKey: HashKey | null;
  /** Null = clients are not bound to endpoints. */
  readonly sticky: StickyEndpoints | null;
  /** Absent = no side of the route has ended its sessions. */
  readonly endedSessions?: readonly string[];
  /** Null or absent = its requests carry none. */
  readonly lane?: LaneConfig | null;
  /** Absent = `never`. */
  readonly fallback?: FallbackRule;
  /** Null or absent = no release is about this side. */
  readonly counts?: readonly SideCounts[] | null;
}

const UNBOUND: TargetBinding = { hashKey: null, sticky: null };

/** One side of a split. */
export class SplitTarget {
  readonly upstream: Upstream;
  readonly stats: SplitStats;
  readonly weight: number;
  readonly hashKey: HashKey | null;
  readonly sticky: StickyEndpoints | null;
  /** Upstreams, as cookies call them, whose clients are to come anew: releases of the route that are over. Null = none. */
  readonly endedSessions: readonly string[] | null;
  readonly lane: LaneConfig | null;
  readonly fallback: FallbackRule;
  /** Null = no release is about it. Never empty. */
  readonly counts: readonly SideCounts[] | null;

  constructor(upstream: Upstream, stats: SplitStats, weight: number, binding: TargetBinding = UNBOUND) {
    this.upstream = upstream;
    this.stats = stats;
    this.weight = weight;
    this.hashKey = binding.hashKey;
    this.sticky = binding.sticky;
    this.endedSessions = binding.endedSessions ?? null;
    this.lane = binding.lane ?? null;
    this.fallback = binding.fallback ?? 'never';
    this.counts = binding.counts ?? null;
  }
}

export interface LiveCanary {
  readonly target: SplitTarget;
  /** Lower case; empty = no rule by header. */
  readonly headerName: string;
  readonly headerKind: 'word' | 'exact' | 'pattern';
  readonly headerValue: string;
  readonly headerPattern: RE2JS | null;
  /** Empty = no rule by cookie. */
  readonly cookie: string;
  /** Null = no such rule. */
  readonly match: MatchFunction | null;
  /** Null = the canary counts for every request. */
  readonly gate: MatchFunction | null;
  readonly weight: number;
  readonly weightTotal: number;
  readonly rulesFirst: boolean;
  readonly standsIn: boolean;
}

/**
 * Why a request went where it did. `session`: the client belongs there, by its session or the cookie of its lane. `main`: no canary took it. `stand-in`: the main
 * upstream has no endpoints. Empty = the route has no canaries.
 */
export type SplitReason = '' | 'session' | 'header' | 'cookie' | 'match' | 'weight' | 'main' | 'stand-in';

const RULES = ['header', 'cookie', 'match'] as const;

const UNDECIDED = 0;
const TAKE = 1;
const OPT_OUT = 2;

const DRAW_COUNT = 0x8000_0000;

export class LiveSplit {
  /** Of the latest decision: read it at once. */
  reason: SplitReason;
  /** That the latest decision went by; `NO_BUCKET` where it needed none. */
  bucket: number;
  /**
   * Of the latest decision: weights made it, now or when the session of the client began, and the client refused nothing. So
   * both sides get the same kind of such requests, and what comes of them can be compared.
   */
  comparable: boolean;
  /** What canaries fall back to: the only member; null where there are several. */
  readonly stable: SplitTarget | null;
  readonly #members: readonly SplitTarget[];
  readonly #totalWeight: number;
  readonly #canaries: readonly LiveCanary[];
  /** Null = weights go by chance. */
  readonly #buckets: BucketReader | null;
  /** Null = weights count for every request. */
  readonly #stays: MatchFunction | null;
  /** Empty = no cookie says lanes. */
  readonly #laneCookie: string;
  readonly #hasWeights: boolean;
  readonly #hasRulesFirst: boolean;
  /** The upstreams that the request under decision must not get by later rules; null = none. */
  #optedOut: Set<Upstream> | null;

  constructor(
    members: readonly SplitTarget[],
    canaries: readonly LiveCanary[],
    buckets: BucketReader | null = null,
    stays: MatchFunction | null = null,
    laneCookie: string = '',
  ) {
    this.reason = '';
    this.bucket = NO_BUCKET;
    this.comparable = false;
    this.stable = members.length === 1 ? (members[0] as SplitTarget) : null;
    this.#members = members;
    this.#totalWeight = members.reduce((sum, member) => sum + member.weight, 0);
    this.#canaries = canaries;
    this.#buckets = buckets;
    this.#stays = stays;
    this.#laneCookie = laneCookie;
    this.#hasWeights = canaries.some(({ weight }) => weight > 0);
    this.#hasRulesFirst = canaries.some(({ rulesFirst }) => rulesFirst);
    this.#optedOut = null;
  }

  /**
   * @param clientIp as trusted proxies tell
   * @param draw a fresh, uniform, non-negative integer below 2^31
   * @returns the side that takes the request; it may have no endpoints, which the caller answers with 503
   */
  choose(facts: RequestFacts, clientIp: string, draw: number): SplitTarget {
    const main = this.#chooseMember(draw);
    if (this.#canaries.length === 0) return main;
    this.bucket = NO_BUCKET;
    // Without a main there is nothing to be a canary of: its outage must not be hidden by the canary's health.
    if (!main.upstream.hasEndpoints) return this.#findStandIn() ?? this.#settle(main, 'main');
    return this.#chooseByRule(facts, clientIp, false) ?? this.#chooseByWeight(main, facts, clientIp, draw);
  }

  /**
   * The same for a client that says which upstream it belongs to: while that has endpoints no rule and no weight takes the
   * client away, also none that was added or set to 0 since; but for the rules of canaries that want to be asked first.
   * @param upstreamHash as cookies call it; empty = nobody's
   */
  chooseFor(upstreamHash: string, facts: RequestFacts, clientIp: string, draw: number): SplitTarget {
    if (upstreamHash === '') return this.choose(facts, clientIp, draw);
    this.bucket = NO_BUCKET;
    const member = this.#findMember(upstreamHash);
    const main = member ?? this.#chooseMember(draw);
    const own = member ?? this.#findCanary(upstreamHash);
    if (own === null || !main.upstream.hasEndpoints) return this.choose(facts, clientIp, draw);
    this.#optedOut = null;
    if (!this.#hasRulesFirst) return this.#settleByWeight(own, 'session');
    const first = this.#chooseByRule(facts, clientIp, true);
    if (first !== null) return first;
    if (own !== member && this.#isOptedOut(own.upstream)) return this.#settle(main, 'main');
    return this.#settleByWeight(own, 'session');
  }

  #settle(target: SplitTarget, reason: SplitReason): SplitTarget {
    this.reason = reason;
    this.comparable = false;
    return target;
  }

  #settleByWeight(target: SplitTarget, reason: SplitReason): SplitTarget {
    this.reason = reason;
    this.comparable = this.#optedOut === null;
    return target;
  }

  #isOptedOut(upstream: Upstream): boolean {
    return this.#optedOut?.has(upstream) === true;
  }

  #chooseMember(draw: number): SplitTarget {
    const members = this.#members;
    if (members.length === 1 || this.#totalWeight === 0) return members[0] as SplitTarget;
    let left = draw % this.#totalWeight;
    for (let i = 0; i < members.length; i++) {
      const member = members[i] as SplitTarget;
      left -= member.weight;
      if (left < 0) return member;
    }
    return members[0] as SplitTarget;
  }

  #findMember(upstreamHash: string): SplitTarget | null {
    for (const member of this.#members) {
      if (member.sticky?.hash === upstreamHash && member.upstream.hasEndpoints) return member;
    }
    return null;
  }

  #findCanary(upstreamHash: string): SplitTarget | null {
    for (const { target } of this.#canaries) {
      if (target.sticky?.hash === upstreamHash && target.upstream.hasEndpoints) return target;
    }
    return null;
  }

  #findStandIn(): SplitTarget | null {
    for (const { standsIn, target } of this.#canaries) {
      if (standsIn && target.upstream.hasEndpoints) return this.#settle(target, 'stand-in');
    }
    return null;
  }

  /** @param firstOnly ask those canaries alone whose rules come before sessions */
  #chooseByRule(facts: RequestFacts, clientIp: string, firstOnly: boolean): SplitTarget | null {
    const canaries = this.#canaries;
    this.#optedOut = null;
    for (let pass = 0; pass < RULES.length; pass++) {
      const rule = RULES[pass] as (typeof RULES)[number];
      for (let i = 0; i < canaries.length; i++) {
        const canary = canaries[i] as LiveCanary;
        const { upstream } = canary.target;
        if (!upstream.hasEndpoints || (firstOnly && !canary.rulesFirst)) continue;
        const verdict = judge(canary, rule, facts, clientIp);
        if (verdict === UNDECIDED || this.#isOptedOut(upstream)) continue;
        if (verdict === TAKE) return this.#settle(canary.target, rule);
        this.#optedOut ??= new Set();
        this.#optedOut.add(upstream);
      }
    }
    return null;
  }

  #chooseByWeight(main: SplitTarget, facts: RequestFacts, clientIp: string, draw: number): SplitTarget {
    if (this.#stays?.(facts, clientIp) === true) return this.#settle(main, 'main');
    const kept = this.#laneCookie === '' ? null : this.#findKept(main, facts, clientIp);
    if (kept !== null) return this.#settleByWeight(kept, 'session');
    if (!this.#hasWeights) return this.#settle(main, 'main');
    if (this.#buckets !== null) this.bucket = this.#buckets.of(facts, clientIp);
    const point = this.bucket === NO_BUCKET ? draw / DRAW_COUNT : this.bucket / BUCKET_COUNT;
    const canary = this.#findShare(point, facts, clientIp);
    return canary === null ? this.#settleByWeight(main, 'main') : this.#settleByWeight(canary, 'weight');
  }

  /** The side whose lane the cookie says; null = none that keeps clients, or it cannot take the request. */
  #findKept(main: SplitTarget, facts: RequestFacts, clientIp: string): SplitTarget | null {
    const cookies = facts.header('cookie');
    const lane = cookies === null ? null : cookieValue(cookies, this.#laneCookie);
    if (lane === null) return null;
    if (isKeptBy(main, lane)) return main;
    for (let i = 0; i < this.#canaries.length; i++) {
      const { target, gate } = this.#canaries[i] as LiveCanary;
      if (!isKeptBy(target, lane) || !target.upstream.hasEndpoints || this.#isOptedOut(target.upstream)) continue;
      if (gate === null || gate(facts, clientIp)) return target;
    }
    return null;
  }

  /**
   * Each canary takes its share of all undecided requests, one after the other on one scale, so that 5 % and 10 % are
   * 15 % together, and raising one moves nothing that it has itself or that stands before it.
   */
  #findShare(point: number, facts: RequestFacts, clientIp: string): SplitTarget | null {
    let upTo = 0;
    for (let i = 0; i < this.#canaries.length; i++) {
      const canary = this.#canaries[i] as LiveCanary;
      if (canary.weight <= 0) continue;
      upTo += canary.weight / canary.weightTotal;
      if (point >= upTo) continue;
      const upstream = canary.target.upstream;
      if (!upstream.hasEndpoints || this.#isOptedOut(upstream)) return null;
      return canary.gate === null || canary.gate(facts, clientIp) ? canary.target : null;
    }
    return null;
  }
}

function isKeptBy({ lane }: SplitTarget, name: string): boolean {
  return lane !== null && lane.inCookie === true && lane.name === name;
}

function judge(canary: LiveCanary, rule: (typeof RULES)[number], facts: RequestFacts, clientIp: string): number {
  const verdict = judgeRule(canary, rule, facts, clientIp);
  if (verdict === UNDECIDED || canary.gate === null) return verdict;
  return canary.gate(facts, clientIp) ? verdict : UNDECIDED;
}

function judgeRule(canary: LiveCanary, rule: (typeof RULES)[number], facts: RequestFacts, clientIp: string): number {
  if (rule === 'header') return judgeHeader(canary, facts);
  if (rule === 'cookie') return judgeCookie(canary, facts);
  return canary.match?.(facts, clientIp) === true ? TAKE : UNDECIDED;
}

function judgeHeader(canary: LiveCanary, facts: RequestFacts): number {
  if (canary.headerName === '') return UNDECIDED;
  const value = facts.header(canary.headerName);
  if (value === null) return UNDECIDED;
  if (canary.headerKind === 'exact') return value === canary.headerValue ? TAKE : UNDECIDED;
  if (canary.headerKind === 'pattern') return canary.headerPattern?.matcher(value).find() === true ? TAKE : UNDECIDED;
  return judgeWord(value);
}

function judgeCookie(canary: LiveCanary, facts: RequestFacts): number {
  if (canary.cookie === '') return UNDECIDED;
  const cookies = facts.header('cookie');
  return cookies === null ? UNDECIDED : judgeWord(cookieValue(cookies, canary.cookie));
}

function judgeWord(value: string | null): number {
  if (value === 'always') return TAKE;
  return value === 'never' ? OPT_OUT : UNDECIDED;
}
