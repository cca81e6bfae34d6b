/** Copies the counters of routes, upstreams and endpoints of this worker into plain rows, at scrape time only. */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { PassiveHealth } from '../balancer/passive-health.ts';
import type { Upstream } from '../balancer/upstream.ts';
import type { EndpointStatsRow, RouteStatsRow, StatsRows, UpstreamStatsRow } from '../model/worker-stats.ts';
import type { LiveState } from './live-state.ts';

interface Batch extends StatsRows {
  readonly routes: RouteStatsRow[];
  readonly endpoints: EndpointStatsRow[];
  readonly upstreams: UpstreamStatsRow[];
}

/**
 * All rows in batches of about `size`, each read when it is asked for: 100,000 endpoints at once would hold up requests for a
 * third of a second. What comes or goes meanwhile may be there or not.
 */
export function* collectRows(live: LiveState, size: number): Generator<StatsRows, void, undefined> {
  let batch: Batch = { routes: [], endpoints: [], upstreams: [] };
  let count = 0;
  for (const stats of live.routeStats.values()) {
    batch.routes.push(stats.toRow());
    if (++count % size === 0) {
      yield batch;
      batch = { routes: [], endpoints: [], upstreams: [] };
    }
  }
  for (const upstream of live.upstreams.all()) {
    batch.upstreams.push(toUpstreamRow(upstream));
    const before = count;
    for (const endpoint of upstream.endpoints)
      batch.endpoints.push(toEndpointRow(endpoint, upstream, live.upstreams.nowMs));
    count += 1 + upstream.endpoints.length;
    if (Math.floor(before / size) !== Math.floor(count / size)) {
      yield batch;
      batch = { routes: [], endpoints: [], upstreams: [] };
    }
  }
  yield batch;
}

function toEndpointRow(endpoint: Endpoint, upstream: Upstream, nowMs: number): EndpointStatsRow {
  return {
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
  };
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

function toUpstreamRow({ id, traffic, panicking, panics }: Upstream): UpstreamStatsRow {
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
}
