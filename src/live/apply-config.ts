/**
 * Turns a `ProxyConfig` into the next generation and swaps it in. Upstreams are taken over by id, so positions, in-flight
 * counts, health and pooled connections stay; route counters likewise. If anything throws, the running generation stays.
 */
import type { ProxyConfig, RouteConfig } from '../model/proxy-config.ts';
import { buildRouteTable, type RouteRule } from '../router/build-route-table.ts';
import type { RouteTable } from '../router/route-table.ts';
import { CertificateTable } from './certificate-table.ts';
import { buildClientCertificates } from './client-certificates.ts';
import { SplitLinker } from './link-split.ts';
import { LiveRoute } from './live-route.ts';
import type { Generation, LiveState } from './live-state.ts';
import type { ReleaseCounts } from './release-counts.ts';
import { RouteStats } from './route-stats.ts';

export function applyConfig(live: LiveState, config: ProxyConfig): void {
  const known = new Set(Array.from(live.upstreams.all(), (upstream) => upstream.id));
  let next: NextState;
  try {
    // Routes need upstreams to link to; those that run already are changed only when everything else is known to be fine.
    for (const upstream of config.upstreams) if (!known.has(upstream.id)) live.upstreams.ensure(upstream);
    next = build(live, config);
  } catch (error) {
    live.upstreams.retain(known);
    throw error;
  }
  // From here on nothing can fail.
  for (const upstream of config.upstreams) live.upstreams.ensure(upstream);
  live.upstreams.linkBackups(config.upstreams);
  live.routeStats = next.routeStats;
  live.routeIds = next.routeIds;
  live.releases.replaceAll(next.releases);
  live.certificates = config.certificates;
  live.current = next.generation;
  live.upstreams.retain(new Set(config.upstreams.map((upstream) => upstream.id)));
  live.configApplied++;
}

interface NextState {
  readonly generation: Generation;
  readonly routeStats: Map<string, RouteStats>;
  readonly routeIds: Map<string, readonly string[]>;
  readonly releases: ReadonlyMap<string, readonly ReleaseCounts[]>;
}

function build(live: LiveState, config: ProxyConfig): NextState {
  const routeStats = new Map<string, RouteStats>();
  const routeIds = new Map<string, string[]>();
  const rules: Rule[] = [];
  const upstreams = new Map(config.upstreams.map((upstream) => [upstream.id, upstream]));
  const linker = new SplitLinker(live, (id) => upstreams.get(id));
  for (const route of config.routes) {
    const stats = live.routeStats.get(route.id) ?? new RouteStats(route.id);
    routeStats.set(route.id, stats);
    const ofHost = routeIds.get(route.host);
    if (ofHost === undefined) routeIds.set(route.host, [route.id]);
    else ofHost.push(route.id);
    rules.push({ listeners: route.listeners, rule: toRule(linker, route, stats) });
  }
  const restricted = rules.some(({ listeners }) => listeners !== null);
  const everywhere = rules.filter(({ listeners }) => listeners === null);
  const formerTable = buildRouteTable(everywhere.map(({ rule }) => rule));
  const tables = buildTables(config, rules, restricted ? null : formerTable);
  const certificates = new CertificateTable(config.certificates, live.current.certificates);
  const clientCertificates = buildClientCertificates(config.listeners);
  const generation = { number: config.generation, tables, formerTable, certificates, clientCertificates };
  return { generation, routeStats, routeIds, releases: linker.releases };
}

interface Rule {
  readonly listeners: readonly string[] | null;
  readonly rule: RouteRule<LiveRoute>;
}

/** Listeners that serve the same routes, in practice all of them, share one table. */
function buildTables(
  config: ProxyConfig,
  rules: readonly Rule[],
  shared: RouteTable<LiveRoute> | null,
): ReadonlyMap<string, RouteTable<LiveRoute>> {
  const tables = new Map<string, RouteTable<LiveRoute>>();
  for (const { name } of config.listeners) {
    const own = rules.filter(({ listeners }) => listeners === null || listeners.includes(name));
    tables.set(name, shared ?? buildRouteTable(own.map(({ rule }) => rule)));
  }
  return tables;
}

/** Every upstream of the route runs already. */
export function toRule(linker: SplitLinker, route: RouteConfig, stats: RouteStats): RouteRule<LiveRoute> {
  const payload = new LiveRoute(route, linker.link(route, stats), stats);
  return { host: route.host, path: route.path, conditions: route.conditions, payload };
}
