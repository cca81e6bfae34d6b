/** Links the split of a route to the upstreams that run. */
import { RE2JS } from 're2js';
import type { Upstream } from '../balancer/upstream.ts';
import type { CanaryConfig } from '../model/canary.ts';
import type { RouteConfig, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { BucketReader } from './bucket-reader.ts';
import { HashKey } from './hash-key.ts';
import { type LiveCanary, LiveSplit, SplitTarget, type TargetBinding } from './live-split.ts';
import type { LiveState } from './live-state.ts';
import { compileMatch } from './request-match.ts';
import type { RouteStats } from './route-stats.ts';
import { StickyEndpoints, toAffinityName } from './sticky-endpoints.ts';

/** For one configuration; every upstream in it runs already. */
export class SplitLinker {
  readonly #live: LiveState;
  readonly #configs: ReadonlyMap<UpstreamId, UpstreamConfig>;
  readonly #hashKeys: Map<UpstreamId, HashKey>;

  constructor(live: LiveState, upstreams: readonly UpstreamConfig[]) {
    this.#live = live;
    this.#configs = new Map(upstreams.map((config) => [config.id, config]));
    this.#hashKeys = new Map();
  }

  link(route: RouteConfig, stats: RouteStats): LiveSplit {
    const hasAffinity = route.policy.affinity !== null;
    const members = route.split.members.map(({ upstream: id, weight }) => {
      const { upstream, binding } = this.#find(id, hasAffinity);
      return new SplitTarget(upstream, stats.splitFor(id, false), weight, binding);
    });
    const canaries = route.split.canaries.map((canary) => this.#linkCanary(canary, hasAffinity, stats));
    const { buckets } = route.split;
    return new LiveSplit(members, canaries, buckets === undefined ? null : new BucketReader(buckets));
  }

  #linkCanary(canary: CanaryConfig, hasAffinity: boolean, stats: RouteStats): LiveCanary {
    const { header, match, gate, upstream: id } = canary;
    const { upstream, binding } = this.#find(id, hasAffinity && canary.sticky);
    return {
      target: new SplitTarget(upstream, stats.splitFor(id, true), canary.weight, binding),
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

  #find(id: UpstreamId, isSticky: boolean): { readonly upstream: Upstream; readonly binding: TargetBinding } {
    const upstream = this.#live.upstreams.get(id);
    const config = this.#configs.get(id);
    if (upstream === null || config === undefined) throw new Error(`route refers to unknown upstream ${id}`);
    const sticky = isSticky ? this.#stickyEndpoints(upstream, config) : null;
    return { upstream, binding: { hashKey: this.#hashKey(config), sticky } };
  }

  #hashKey({ id, hashing }: UpstreamConfig): HashKey | null {
    if (hashing === null) return null;
    const known = this.#hashKeys.get(id);
    if (known !== undefined) return known;
    const hashKey = new HashKey(hashing.keyTemplate);
    this.#hashKeys.set(id, hashKey);
    return hashKey;
  }

  /** One for each upstream, as long as it lives: routes and generations share what it computes. */
  #stickyEndpoints(upstream: Upstream, config: UpstreamConfig): StickyEndpoints {
    const known = this.#live.stickyEndpoints.get(upstream);
    if (known !== undefined) return known;
    const sticky = new StickyEndpoints(upstream, toAffinityName(config));
    this.#live.stickyEndpoints.set(upstream, sticky);
    return sticky;
  }
}
