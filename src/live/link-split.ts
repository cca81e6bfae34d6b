/** Links the split of a route to the upstreams that run. */
import { RE2JS } from 're2js';
import type { Upstream } from '../balancer/upstream.ts';
import type { CanaryConfig } from '../model/canary.ts';
import type { RouteConfig, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { isOver } from '../model/release.ts';
import { BucketReader } from './bucket-reader.ts';
import { HashKey } from './hash-key.ts';
import { type LiveCanary, LiveSplit, SplitTarget, type TargetBinding } from './live-split.ts';
import type { LiveState } from './live-state.ts';
import { ReleaseCounts } from './release-counts.ts';
import { compileMatch } from './request-match.ts';
import type { RouteStats } from './route-stats.ts';
import { StickyEndpoints, toAffinityName } from './sticky-endpoints.ts';

interface Bound {
  readonly upstream: Upstream;
  readonly binding: TargetBinding;
}

type EndedSessions = Pick<TargetBinding, 'endedSessions'>;

interface CanaryBinding extends Bound {
  readonly ended: EndedSessions;
}

/** What links ask of an upstream, as it is configured or as it runs. */
type LinkFacts = Pick<UpstreamConfig, 'id' | 'hashing' | 'backend'>;

/** Undefined: not in this configuration. */
export type FindFacts = (id: UpstreamId) => LinkFacts | undefined;

/** For one configuration; every upstream in it runs already. */
export class SplitLinker {
  readonly #live: LiveState;
  readonly #findFacts: FindFacts;
  readonly #hashKeys: Map<UpstreamId, HashKey>;
  readonly #freshReleases: Map<string, ReleaseCounts>;
  /** Of the routes linked so far, for `LiveState.releases`; those without are not in it. */
  readonly releases: Map<string, readonly ReleaseCounts[]>;

  constructor(live: LiveState, findFacts: FindFacts) {
    this.#live = live;
    this.#findFacts = findFacts;
    this.#hashKeys = new Map();
    this.#freshReleases = new Map();
    this.releases = new Map();
  }

  link(route: RouteConfig, stats: RouteStats): LiveSplit {
    const hasAffinity = route.policy.affinity !== null;
    const releases = this.#linkReleases(route);
    const counts = releases.length === 0 ? null : releases.map(({ stable }) => stable);
    const ended = hasAffinity ? this.#findEndedSessions(route) : {};
    const members = route.split.members.map(({ upstream: id, weight, lane = null }) => {
      const { upstream, binding } = this.#find(id, hasAffinity);
      return new SplitTarget(upstream, stats.splitFor(id, false), weight, { ...binding, ...ended, counts, lane });
    });
    const canaries = route.split.canaries.map((canary) => {
      return this.#linkCanary(canary, { ...this.#find(canary.upstream, hasAffinity && canary.sticky), ended }, stats);
    });
    const { buckets, stays, laneAnswer } = route.split;
    const reader = buckets === undefined ? null : new BucketReader(buckets);
    const keeps = stays === undefined ? null : compileMatch(stays);
    return new LiveSplit(members, canaries, reader, keeps, laneAnswer?.cookie?.name ?? '');
  }

  #linkCanary(canary: CanaryConfig, { upstream, binding, ended }: CanaryBinding, stats: RouteStats): LiveCanary {
    const { header, match, gate, release, upstream: id } = canary;
    const counts = release === undefined ? null : [this.#findRelease(release.id).canary];
    const whole = { ...binding, ...ended, counts, fallback: canary.fallback ?? 'weight', lane: canary.lane ?? null };
    return {
      target: new SplitTarget(upstream, stats.splitFor(id, true), canary.weight, whole),
      headerName: header?.name ?? '',
      headerKind: header?.kind ?? 'word',
      headerValue: header?.value ?? '',
      headerPattern: header?.kind === 'pattern' ? RE2JS.compile(header.value) : null,
      cookie: canary.cookie ?? '',
      match: match === undefined ? null : compileMatch(match),
      gate: gate === undefined ? null : compileMatch(gate),
      weight: canary.weight,
      weightTotal: canary.weightTotal,
      rulesFirst: canary.rulesFirst === true,
      standsIn: canary.standsIn === true,
    };
  }

  /** Their clients must not be with the next release from its first step on. */
  #findEndedSessions({ split }: RouteConfig): EndedSessions {
    const kept = new Set(split.canaries.flatMap(({ sticky, upstream }) => (sticky ? upstream : [])));
    const ended = split.canaries.flatMap(({ release, upstream: id }) => {
      if (release === undefined || kept.has(id) || !isOver(release)) return [];
      const { binding } = this.#find(id, true);
      return binding.sticky?.hash ?? [];
    });
    return ended.length === 0 ? {} : { endedSessions: ended };
  }

  /** Each once, though several canaries may belong to one. */
  #linkReleases({ id: routeId, split }: RouteConfig): readonly ReleaseCounts[] {
    const ids = new Set(split.canaries.flatMap(({ release }) => release?.id ?? []));
    if (ids.size === 0) return [];
    const releases = Array.from(ids, (id) => this.#findRelease(id));
    this.releases.set(routeId, releases);
    return releases;
  }

  #findRelease(id: string): ReleaseCounts {
    const known = this.#live.releases.find(id) ?? this.#freshReleases.get(id);
    if (known !== undefined) return known;
    const release = new ReleaseCounts(id);
    this.#freshReleases.set(id, release);
    return release;
  }

  #find(id: UpstreamId, isSticky: boolean): Bound {
    const upstream = this.#live.upstreams.get(id);
    const facts = this.#findFacts(id);
    if (upstream === null || facts === undefined) throw new Error(`route refers to unknown upstream ${id}`);
    const sticky = isSticky ? this.#stickyEndpoints(upstream, facts) : null;
    return { upstream, binding: { hashKey: this.#hashKey(facts), sticky } };
  }

  #hashKey({ id, hashing }: LinkFacts): HashKey | null {
    if (hashing === null) return null;
    const known = this.#hashKeys.get(id);
    if (known !== undefined) return known;
    const hashKey = new HashKey(hashing.keyTemplate);
    this.#hashKeys.set(id, hashKey);
    return hashKey;
  }

  /** One for each upstream, as long as it lives: routes and generations share what it computes. */
  #stickyEndpoints(upstream: Upstream, facts: LinkFacts): StickyEndpoints {
    const known = this.#live.stickyEndpoints.get(upstream);
    if (known !== undefined) return known;
    const sticky = new StickyEndpoints(upstream, toAffinityName(facts));
    this.#live.stickyEndpoints.set(upstream, sticky);
    return sticky;
  }
}
