/**
 * Finds what differs between two configurations, for workers that run the first. What a compile found unchanged is the same
 * object in both (`config/compile-memory.ts`), so that comparing is mostly a matter of identity; where it is not, an equal
 * object only makes the patch larger.
 */
import type { Change, ConfigChanges } from '../model/config-changes.ts';
import type { CertificatePatch, ConfigPatch, HostRoutes } from '../model/config-patch.ts';
import type { CertificateConfig, ProxyConfig, RouteConfig, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { sameContent } from '../model/same-content.ts';

/** Of two configurations, what may differ. */
interface Extract {
  readonly upstreams: ReadonlyMap<UpstreamId, Change<UpstreamConfig | null>>;
  readonly hosts: ReadonlyMap<string, Change<readonly RouteConfig[]>>;
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
  if (changes?.base === base) return toPatch(base, next, changes);
  if (!sameContent(base.listeners, next.listeners) || isRestricted(base) || isRestricted(next)) return null;
  return toPatch(base, next, { upstreams: allUpstreams(base, next), hosts: allHosts(base, next) });
}

function allHosts(base: ProxyConfig, next: ProxyConfig): Extract['hosts'] {
  const [before, after] = [base, next].map(({ routes }) => Map.groupBy(routes, ({ host }) => host));
  const hosts = new Set([...(after?.keys() ?? []), ...(before?.keys() ?? [])]);
  return new Map(
    Array.from(hosts, (host) => [host, { before: before?.get(host) ?? [], after: after?.get(host) ?? [] }]),
  );
}

function allUpstreams(base: ProxyConfig, next: ProxyConfig): Extract['upstreams'] {
  const [before, after] = [base, next].map(({ upstreams }) => new Map(upstreams.map((each) => [each.id, each])));
  const ids = new Set([...(after?.keys() ?? []), ...(before?.keys() ?? [])]);
  return new Map(Array.from(ids, (id) => [id, { before: before?.get(id) ?? null, after: after?.get(id) ?? null }]));
}

function toPatch(base: ProxyConfig, next: ProxyConfig, differing: Extract): ConfigPatch {
  const upstreams = diffUpstreams(differing.upstreams);
  return {
    base: base.generation,
    generation: next.generation,
    hosts: diffHosts(differing.hosts, upstreams.relinked),
    upstreams: upstreams.changed,
    removedUpstreams: upstreams.removed,
    certificates: diffCertificates(base.certificates, next.certificates),
  };
}

function diffHosts(changes: Extract['hosts'], relinked: ReadonlySet<UpstreamId>): readonly HostRoutes[] {
  const hosts: HostRoutes[] = [];
  for (const [host, { before, after: routes }] of changes) {
    if (!sameRoutes(before, routes) || linksTo(routes, relinked)) hosts.push({ host, routes });
  }
  return hosts;
}

interface UpstreamDiff {
  readonly changed: readonly UpstreamConfig[];
  /** Of these, those whose routes have to be linked anew: new addresses alone are no reason. */
  readonly relinked: ReadonlySet<UpstreamId>;
  readonly removed: readonly UpstreamId[];
}

function diffUpstreams(changes: Extract['upstreams']): UpstreamDiff {
  const changed = new Set<UpstreamConfig>();
  const relinked = new Set<UpstreamId>();
  const removed: UpstreamId[] = [];
  for (const [id, { before, after }] of changes) {
    if (after === before) continue;
    if (after === null) {
      removed.push(id);
      continue;
    }
    changed.add(after);
    if (before === null || !sameContent({ ...before, endpoints: [] }, { ...after, endpoints: [] })) relinked.add(id);
  }
  // A backup is linked to as an object: that of another name, or the same one made anew.
  for (const { after } of changes.values()) {
    if (after !== null && after.backup !== null && comesOrGoes(changes.get(after.backup))) changed.add(after);
  }
  return { changed: [...changed], relinked, removed };
}

function comesOrGoes(change: Change<UpstreamConfig | null> | undefined): boolean {
  return change !== undefined && (change.before === null) !== (change.after === null);
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

function sameRoutes(a: readonly RouteConfig[], b: readonly RouteConfig[]): boolean {
  return a.length === b.length && a.every((route, at) => route === b[at]);
}

function linksTo(routes: readonly RouteConfig[], upstreams: ReadonlySet<UpstreamId>): boolean {
  if (upstreams.size === 0) return false;
  return routes.some(
    ({ split }) =>
      split.members.some(({ upstream }) => upstreams.has(upstream)) ||
      split.canaries.some(({ upstream }) => upstreams.has(upstream)),
  );
}
