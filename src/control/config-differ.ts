/**
 * Finds what differs between two configurations, for workers that run the first. What a compile found unchanged is the same
 * object in both (`config/compile-memory.ts`), so that comparing is mostly a matter of identity; where it is not, an equal
 * object only makes the patch larger.
 */
import type { CertificatePatch, ConfigPatch, HostRoutes } from '../model/config-patch.ts';
import type { CertificateConfig, ProxyConfig, RouteConfig, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { sameContent } from '../model/same-content.ts';

type RoutesByHost = ReadonlyMap<string, readonly RouteConfig[]>;

export class ConfigDiffer {
  /** The routes of a configuration are asked for twice: when it comes, and when it goes. */
  readonly #byHost: WeakMap<readonly RouteConfig[], RoutesByHost> = new WeakMap();

  /** Null where a patch cannot say it: other listeners, or routes that are not served on all of them. */
  diff(base: ProxyConfig, next: ProxyConfig): ConfigPatch | null {
    if (!sameContent(base.listeners, next.listeners) || isRestricted(base) || isRestricted(next)) return null;
    const upstreams = diffUpstreams(base.upstreams, next.upstreams);
    const hosts = this.#diffHosts(base, next, upstreams.relinked);
    return {
      base: base.generation,
      generation: next.generation,
      hosts,
      upstreams: select(next.upstreams, new Set([...upstreams.changed, ...upstreamsOf(hosts)])),
      removedUpstreams: upstreams.removed,
      certificates: diffCertificates(base.certificates, next.certificates),
    };
  }

  #diffHosts(base: ProxyConfig, next: ProxyConfig, relinked: ReadonlySet<UpstreamId>): readonly HostRoutes[] {
    const before = this.#routesOf(base);
    const after = this.#routesOf(next);
    const hosts: HostRoutes[] = [];
    for (const [host, routes] of after) {
      if (!sameRoutes(before.get(host), routes) || linksTo(routes, relinked)) hosts.push({ host, routes });
    }
    for (const host of before.keys()) if (!after.has(host)) hosts.push({ host, routes: [] });
    return hosts;
  }

  #routesOf({ routes }: ProxyConfig): RoutesByHost {
    let byHost = this.#byHost.get(routes);
    if (byHost === undefined) {
      byHost = Map.groupBy(routes, ({ host }) => host);
      this.#byHost.set(routes, byHost);
    }
    return byHost;
  }
}

interface UpstreamDiff {
  readonly changed: ReadonlySet<UpstreamId>;
  /** Of these, those whose routes have to be linked anew: new addresses alone are no reason. */
  readonly relinked: ReadonlySet<UpstreamId>;
  readonly removed: readonly UpstreamId[];
}

function diffUpstreams(base: readonly UpstreamConfig[], next: readonly UpstreamConfig[]): UpstreamDiff {
  const before = new Map(base.map((upstream) => [upstream.id, upstream]));
  const changed = new Set<UpstreamId>();
  const relinked = new Set<UpstreamId>();
  const appeared = new Set<UpstreamId>();
  for (const upstream of next) {
    const last = before.get(upstream.id);
    before.delete(upstream.id);
    if (last === upstream) continue;
    changed.add(upstream.id);
    if (last === undefined) appeared.add(upstream.id);
    if (last === undefined || !sameContent({ ...last, endpoints: [] }, { ...upstream, endpoints: [] })) {
      relinked.add(upstream.id);
    }
  }
  // A backup is linked to as an object: that of another name, or the same one made anew.
  for (const { id, backup } of next) {
    if (backup !== null && (appeared.has(backup) || before.has(backup))) changed.add(id);
  }
  return { changed, relinked, removed: [...before.keys()] };
}

function diffCertificates(
  base: readonly CertificateConfig[],
  next: readonly CertificateConfig[],
): CertificatePatch | null {
  const before = new Set(base);
  const changed = next.filter((certificate) => !before.has(certificate));
  if (changed.length === 0 && base.length === next.length) return null;
  return { ids: next.map(({ id }) => id), changed };
}

function isRestricted({ routes }: ProxyConfig): boolean {
  return routes.some(({ listeners }) => listeners !== null);
}

function sameRoutes(a: readonly RouteConfig[] | undefined, b: readonly RouteConfig[]): boolean {
  return a !== undefined && a.length === b.length && a.every((route, at) => route === b[at]);
}

function linksTo(routes: readonly RouteConfig[], upstreams: ReadonlySet<UpstreamId>): boolean {
  if (upstreams.size === 0) return false;
  return routes.some(
    ({ split }) =>
      split.members.some(({ upstream }) => upstreams.has(upstream)) ||
      split.canaries.some(({ upstream }) => upstreams.has(upstream)),
  );
}

function* upstreamsOf(hosts: readonly HostRoutes[]): Iterable<UpstreamId> {
  for (const { routes } of hosts) {
    for (const { split } of routes) {
      for (const { upstream } of split.members) yield upstream;
      for (const { upstream } of split.canaries) yield upstream;
    }
  }
}

function select(upstreams: readonly UpstreamConfig[], ids: ReadonlySet<UpstreamId>): readonly UpstreamConfig[] {
  return upstreams.filter(({ id }) => ids.has(id));
}
