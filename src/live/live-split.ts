/**
 * Decides which upstream takes a request: rules by header, then by cookie, over all canaries in order, then weights.
 * The decision is taken once per exchange and kept for its retries.
 * Hot: a route without canaries takes the first branch.
 */
import { RE2JS } from 're2js';
import type { Upstream } from '../balancer/upstream.ts';
import type { RequestFacts } from '../router/route-table.ts';
import { cookieValue } from './cookie-value.ts';
import type { HashKey } from './hash-key.ts';
import type { SplitStats } from './route-stats.ts';
import type { StickyEndpoints } from './sticky-endpoints.ts';

/** What leads the requests of one side to an endpoint, beside the balancer. */
export interface TargetBinding {
  /** Null = its balancer does not ask for keys. */
  readonly hashKey: HashKey | null;
  /** Null = clients are not bound to endpoints. */
  readonly sticky: StickyEndpoints | null;
}

const UNBOUND: TargetBinding = { hashKey: null, sticky: null };

/** One side of a split. */
export class SplitTarget {
  readonly upstream: Upstream;
  readonly stats: SplitStats;
  readonly weight: number;
  readonly hashKey: HashKey | null;
  readonly sticky: StickyEndpoints | null;

  constructor(upstream: Upstream, stats: SplitStats, weight: number, binding: TargetBinding = UNBOUND) {
    this.upstream = upstream;
    this.stats = stats;
    this.weight = weight;
    this.hashKey = binding.hashKey;
    this.sticky = binding.sticky;
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
  readonly weight: number;
  readonly weightTotal: number;
}

const UNDECIDED = 0;
const TAKE = 1;
const OPT_OUT = 2;

export class LiveSplit {
  readonly #members: readonly SplitTarget[];
  readonly #totalWeight: number;
  readonly #canaries: readonly LiveCanary[];

  constructor(members: readonly SplitTarget[], canaries: readonly LiveCanary[]) {
    this.#members = members;
    this.#totalWeight = members.reduce((sum, member) => sum + member.weight, 0);
    this.#canaries = canaries;
  }

  /**
   * @param draw a fresh, uniform, non-negative integer below 2^31
   * @returns the side that takes the request; it may have no endpoints, which the caller answers with 503
   */
  choose(facts: RequestFacts, draw: number): SplitTarget {
    const main = this.#chooseMember(draw);
    // Without a main there is nothing to be a canary of: its outage must not be hidden by the canary's health.
    if (this.#canaries.length === 0 || !main.upstream.hasEndpoints) return main;
    return this.#chooseCanary(facts, draw) ?? main;
  }

  /**
   * The same for a client that says which upstream it belongs to: while that has endpoints no rule and no weight takes the
   * client away, also none that was added or set to 0 since.
   * @param upstreamHash as cookies call it; empty = nobody's
   */
  chooseFor(upstreamHash: string, facts: RequestFacts, draw: number): SplitTarget {
    if (upstreamHash === '') return this.choose(facts, draw);
    for (const member of this.#members) {
      if (member.sticky?.hash === upstreamHash && member.upstream.hasEndpoints) return member;
    }
    const main = this.#chooseMember(draw);
    if (!main.upstream.hasEndpoints) return main;
    for (const { target } of this.#canaries) {
      if (target.sticky?.hash === upstreamHash && target.upstream.hasEndpoints) return target;
    }
    return this.#chooseCanary(facts, draw) ?? main;
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

  #chooseCanary(facts: RequestFacts, draw: number): SplitTarget | null {
    const canaries = this.#canaries;
    let optedOut = null as Set<Upstream> | null;
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < canaries.length; i++) {
        const canary = canaries[i] as LiveCanary;
        if (!canary.target.upstream.hasEndpoints) continue;
        const verdict = pass === 0 ? judgeHeader(canary, facts) : judgeCookie(canary, facts);
        if (verdict === UNDECIDED || optedOut?.has(canary.target.upstream) === true) continue;
        if (verdict === TAKE) return canary.target;
        optedOut ??= new Set();
        optedOut.add(canary.target.upstream);
      }
    }
    return this.#drawCanary(draw, optedOut);
  }

  /**
   * Each canary takes its share of all undecided requests, one after the other on one scale, so that 5 % and 10 % are
   * 15 % together and raising one never moves what another has.
   */
  #drawCanary(draw: number, optedOut: ReadonlySet<Upstream> | null): SplitTarget | null {
    const point = draw / 0x8000_0000;
    let upTo = 0;
    for (let i = 0; i < this.#canaries.length; i++) {
      const canary = this.#canaries[i] as LiveCanary;
      if (canary.weight <= 0) continue;
      upTo += canary.weight / canary.weightTotal;
      if (point >= upTo) continue;
      const upstream = canary.target.upstream;
      return upstream.hasEndpoints && optedOut?.has(upstream) !== true ? canary.target : null;
    }
    return null;
  }
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
