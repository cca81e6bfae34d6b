/**
 * Changes the running generation where a patch says so: the hosts it names get new tables, everything else stays as it is.
 * The outcome is that of `apply-config.ts` with the whole configuration; a property test holds the two together.
 */
import type { CertificatePatch, ConfigPatch } from '../model/config-patch.ts';
import type { CertificateConfig } from '../model/proxy-config.ts';
import { buildHosts, type HostRules, type RouteRule } from '../router/build-route-table.ts';
import { toRule } from './apply-config.ts';
import { CertificateTable } from './certificate-table.ts';
import { type FindFacts, SplitLinker } from './link-split.ts';
import type { LiveRoute } from './live-route.ts';
import type { LiveState } from './live-state.ts';
import { RouteStats } from './route-stats.ts';

/**
 * False, and nothing is changed, where the patch is for another generation than the one that runs.
 * @throws and changes nothing either, for routes that cannot be built
 */
export function applyPatch(live: LiveState, patch: ConfigPatch): boolean {
  const { number, formerTable: table } = live.current;
  if (number !== patch.base || table === null) return false;
  const fresh = patch.upstreams.filter(({ id }) => live.upstreams.get(id) === null);
  const linker = new SplitLinker(live, toFindFacts(live, patch));
  let hosts: readonly HostRules<LiveRoute>[];
  let changes: ReturnType<typeof buildHosts<LiveRoute>>;
  try {
    for (const upstream of fresh) live.upstreams.ensure(upstream);
    hosts = linkHosts(live, linker, patch);
    changes = buildHosts(hosts);
  } catch (error) {
    live.upstreams.remove(fresh.map(({ id }) => id));
    throw error;
  }
  // From here on nothing can fail.
  for (const upstream of patch.upstreams) live.upstreams.ensure(upstream);
  live.upstreams.linkBackups(patch.upstreams);
  live.releases.replace(
    hosts.flatMap(({ host }) => live.routeIds.get(host) ?? []),
    linker.releases,
  );
  replaceStats(live, hosts);
  // Of all listeners: patches are made only where they have the same routes.
  table.replaceHosts(changes);
  const certificates =
    patch.certificates === null ? live.current.certificates : patchCertificates(live, patch.certificates);
  live.current = { ...live.current, number: patch.generation, certificates };
  live.upstreams.remove(patch.removedUpstreams);
  live.configApplied++;
  return true;
}

/** What does not change is as it runs. */
function toFindFacts({ upstreams }: LiveState, patch: ConfigPatch): FindFacts {
  const changed = new Map(patch.upstreams.map((upstream) => [upstream.id, upstream]));
  const removed = new Set(patch.removedUpstreams);
  return (id) => changed.get(id) ?? (removed.has(id) ? undefined : (upstreams.get(id) ?? undefined));
}

function linkHosts(live: LiveState, linker: SplitLinker, patch: ConfigPatch): readonly HostRules<LiveRoute>[] {
  return patch.hosts.map(({ host, routes }) => {
    const rules = routes.map((route): RouteRule<LiveRoute> => {
      return toRule(linker, route, live.routeStats.get(route.id) ?? new RouteStats(route.id));
    });
    return { host, rules };
  });
}

function replaceStats(live: LiveState, hosts: readonly HostRules<LiveRoute>[]): void {
  for (const { host } of hosts) for (const id of live.routeIds.get(host) ?? []) live.routeStats.delete(id);
  for (const { host, rules } of hosts) {
    for (const { payload } of rules) live.routeStats.set(payload.id, payload.stats);
    if (rules.length === 0) live.routeIds.delete(host);
    else
      live.routeIds.set(
        host,
        rules.map(({ payload }) => payload.id),
      );
  }
}

function patchCertificates(live: LiveState, { ids, changed }: CertificatePatch): CertificateTable {
  const known = new Map([...live.certificates, ...changed].map((certificate) => [certificate.id, certificate]));
  live.certificates = ids.map((id) => known.get(id)).filter((each): each is CertificateConfig => each !== undefined);
  return new CertificateTable(live.certificates, live.current.certificates);
}
