/** Copies the counters of routes, upstreams and endpoints of this worker into plain rows, at scrape time only. */
import type { EndpointStatsRow, RouteStatsRow, UpstreamStatsRow } from '../model/worker-stats.ts';
import type { LiveState } from './live-state.ts';

export function collectRouteRows(live: LiveState): readonly RouteStatsRow[] {
  return Array.from(live.routeStats.values(), (stats) => stats.toRow());
}

export function collectEndpointRows(live: LiveState): readonly EndpointStatsRow[] {
  const rows: EndpointStatsRow[] = [];
  for (const upstream of live.upstreams.all()) {
    for (const endpoint of upstream.endpoints) {
      rows.push({
        upstreamId: upstream.id,
        endpointId: endpoint.id,
        healthy: endpoint.healthy,
        reason: endpoint.reason,
        weight: endpoint.weight,
        inFlight: endpoint.inFlight,
        openConnections: endpoint.transport?.openCount ?? 0,
        idleConnections: endpoint.transport?.idleCount ?? 0,
        requests: endpoint.requests,
        failures: endpoint.failures,
        connectFailures: endpoint.connectFailures,
        retries: endpoint.retries,
      });
    }
  }
  return rows;
}

export function collectUpstreamRows(live: LiveState): readonly UpstreamStatsRow[] {
  return Array.from(live.upstreams.all(), ({ id, traffic }) => {
    const { retries, budgetExhausted, backupRequests, admission } = traffic;
    return {
      upstreamId: id,
      retries,
      budgetExhausted,
      backupRequests,
      pending: admission?.waiting ?? 0,
      rejected: admission?.rejected ?? 0,
      queueTimeouts: admission?.timedOut ?? 0,
    };
  });
}
