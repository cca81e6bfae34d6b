/** Follows which releases are in force, at the price of what differs from one configuration to the next. */
import type { ConfigChanges } from '../model/config-changes.ts';
import type { ProxyConfig, RouteConfig, UpstreamId } from '../model/proxy-config.ts';
import { findReleases, type ReleaseInForce } from './find-releases.ts';

/** Where a configuration may differ from the one before; null = anywhere. */
export interface Differences {
  /** Their upstreams. */
  readonly upstreams: ReadonlySet<UpstreamId> | null;
  /** Their routes, unless both have the same list. */
  readonly changes: Pick<ConfigChanges, 'base' | 'hosts'> | null;
}

export const ANYWHERE: Differences = { upstreams: null, changes: null };

type Found = ReadonlyMap<string, ReleaseInForce>;

export class ReleaseFinder {
  /** Those with canaries, by host. */
  readonly #routes: Map<string, readonly RouteConfig[]>;
  #all: readonly RouteConfig[] | null;
  #found: Found;

  constructor() {
    this.#routes = new Map();
    this.#all = null;
    this.#found = new Map();
  }

  /** The same map again where nothing can differ from it. */
  update({ routes, upstreams }: Pick<ProxyConfig, 'routes' | 'upstreams'>, differences: Differences): Found {
    const moved = this.#updateRoutes(routes, differences.changes);
    if (!moved && !this.#concerns(differences.upstreams)) return this.#found;
    const hosts = [...this.#routes.keys()].toSorted();
    this.#found = findReleases({ routes: hosts.flatMap((host) => this.#routes.get(host) ?? []), upstreams });
    return this.#found;
  }

  #concerns(touched: ReadonlySet<UpstreamId> | null): boolean {
    if (touched === null) return true;
    return this.#found.values().some(({ upstreams }) => !upstreams.isDisjointFrom(touched));
  }

  /** @returns whether those with canaries may be others */
  #updateRoutes(routes: readonly RouteConfig[], changes: Differences['changes']): boolean {
    const before = this.#all;
    this.#all = routes;
    if (routes === before) return false;
    if (before !== null && changes?.base.routes === before) {
      let moved = false;
      for (const [host, { after }] of changes.hosts) if (this.#put(host, after)) moved = true;
      return moved;
    }
    this.#routes.clear();
    for (const [host, ofHost] of Map.groupBy(routes.filter(hasCanaries), (route) => route.host)) {
      this.#routes.set(host, ofHost);
    }
    return true;
  }

  /** @returns whether there were any with canaries, or are now */
  #put(host: string, routes: readonly RouteConfig[]): boolean {
    const withCanaries = routes.filter(hasCanaries);
    if (withCanaries.length === 0) return this.#routes.delete(host);
    this.#routes.set(host, withCanaries);
    return true;
  }
}

function hasCanaries({ split }: RouteConfig): boolean {
  return split.canaries.length > 0;
}
