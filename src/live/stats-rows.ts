/** Copies the counters of routes, upstreams and endpoints of this worker into plain rows, at scrape time only. */
import type { PassiveHealth } from '../balancer/passive-health.ts';
import type { EndpointStatsRow, RouteStatsRow, UpstreamStatsRow } from '../model/worker-stats.ts';
import type { LiveState } from './live-state.ts';

export function collectRouteRows(live: LiveState): readonly RouteStatsRow[] {
  return Array.from(live.routeStats.values(), (stats) => stats.toRow());
}

export function collectEndpointRows(live: LiveState): readonly EndpointStatsRow[] {
  const { nowMs } = live.upstreams;
  const rows: EndpointStatsRow[] = [];
  for (const upstream of live.upstreams.all()) {
    for (const endpoint of upstream.endpoints) {
      rows.push({
        upstreamId: upstream.id,
        endpointId: endpoint.id,
        healthy: endpoint.healthy,
        reason: endpoint.reason,
        weight: endpoint.weight,
        weightInForce: endpoint.weightInForce / upstream.weightScale,
        draining: endpoint.draining,
        ...toEjection(endpoint.passive, nowMs),
        latencyMs: endpoint.latencyUs === -1 ? -1 : endpoint.latencyUs / 1_000,
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

function toEjection(
  { ejected, reason, untilMs, ejections }: PassiveHealth,
  nowMs: number,
): Pick<EndpointStatsRow, 'ejected' | 'ejectedForMs' | 'ejections'> {
  const counts = Object.entries(ejections).filter(([, count]) => count > 0);
  return {
    ejected: ejected ? reason : null,
    ejectedForMs: ejected ? Math.max(0, untilMs - nowMs) : 0,
    ejections: Object.fromEntries(counts),
  };
}

export function collectUpstreamRows(live: LiveState): readonly UpstreamStatsRow[] {
  return Array.from(live.upstreams.all(), ({ id, traffic, panicking, panics }) => {
    const { retries, budgetExhausted, backupRequests, admission } = traffic;
    return {
      upstreamId: id,
      retries,
      budgetExhausted,
      backupRequests,
      pending: admission?.waiting ?? 0,
      rejected: admission?.rejected ?? 0,
      queueTimeouts: admission?.timedOut ?? 0,
      panicking,
      panics,
    };
  });
}
