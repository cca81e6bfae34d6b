/**
 * Finds what differs between two configurations, for workers that run the first. What a compile found unchanged is the same
 * object in both (`config/compile-memory.ts`), so that comparing is mostly a matter of identity; where it is not, an equal
 * object only makes the patch larger.
 */
import type { ConfigChanges } from '../model/config-changes.ts';
import type { CertificatePatch, ConfigPatch, HostRoutes } from '../model/config-patch.ts';
import type { CertificateConfig, ProxyConfig, RouteConfig, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { sameContent } from '../model/same-content.ts';
import { findUpstream, routesOfHost } from '../model/sorted-config.ts';

type RoutesByHost = ReadonlyMap<string, readonly RouteConfig[]>;

/** Of a configuration, what may differ from another one. */
interface Extract {
  readonly upstreams: readonly UpstreamConfig[];
  readonly routes: RoutesByHost;
}

/**
 * Null where a patch cannot say it: other listeners, or routes that are not served on all of them.
 * @param changes where the two may differ, if that is known: nothing else is looked at then
 */
export function diffConfigs(
  base: ProxyConfig,
  next: ProxyConfig,
  changes: ConfigChanges | null = null,
): ConfigPatch | null {
  if (changes?.base === base) return toPatch(base, next, [extract(base, changes), extract(next, changes)]);
  if (!sameContent(base.listeners, next.listeners) || isRestricted(base) || isRestricted(next)) return null;
  return toPatch(base, next, [whole(base), whole(next)]);
}

function extract(config: ProxyConfig, { hosts, upstreams }: ConfigChanges): Extract {
  const routes = Array.from(hosts, (host) => [host, routesOfHost(config.routes, host)] as const);
  return {
    upstreams: Array.from(upstreams, (id) => findUpstream(config.upstreams, id)).filter((found) => found !== null),
    routes: new Map(routes.filter(([, ofHost]) => ofHost.length > 0)),
  };
}

function whole({ routes, upstreams }: ProxyConfig): Extract {
  return { routes: Map.groupBy(routes, ({ host }) => host), upstreams };
}

function toPatch(base: ProxyConfig, next: ProxyConfig, [before, after]: readonly [Extract, Extract]): ConfigPatch {
  const upstreams = diffUpstreams(before.upstreams, after.upstreams);
  const hosts = diffHosts(before.routes, after.routes, upstreams.relinked);
  return {
    base: base.generation,
    generation: next.generation,
    hosts,
    upstreams: select(next.upstreams, upstreams.changed),
    removedUpstreams: upstreams.removed,
    certificates: diffCertificates(base.certificates, next.certificates),
  };
}

function diffHosts(
  before: RoutesByHost,
  after: RoutesByHost,
  relinked: ReadonlySet<UpstreamId>,
): readonly HostRoutes[] {
  const hosts: HostRoutes[] = [];
  for (const [host, routes] of after) {
    if (!sameRoutes(before.get(host), routes) || linksTo(routes, relinked)) hosts.push({ host, routes });
  }
  for (const host of before.keys()) if (!after.has(host)) hosts.push({ host, routes: [] });
  return hosts;
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
  if (base === next) return null;
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

function select(upstreams: readonly UpstreamConfig[], ids: ReadonlySet<UpstreamId>): readonly UpstreamConfig[] {
  return Array.from(ids, (id) => findUpstream(upstreams, id)).filter((found) => found !== null);
}
