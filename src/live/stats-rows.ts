/** Copies the counters of routes, upstreams and endpoints of this worker into plain rows, at scrape time only. */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { PassiveHealth } from '../balancer/passive-health.ts';
import type { Upstream } from '../balancer/upstream.ts';
import type { EjectionReason } from '../model/outlier-detection.ts';
import type { EndpointStatsRow, RouteStatsRow, RowChoice, StatsRows, UpstreamStatsRow } from '../model/worker-stats.ts';
import type { LiveState } from './live-state.ts';

interface Batch extends StatsRows {
  readonly routes: RouteStatsRow[];
  readonly endpoints: EndpointStatsRow[];
  readonly upstreams: UpstreamStatsRow[];
}

/** What is left out costs a glance. */
const GLANCES_PER_ROW = 4;

/**
 * Rows in batches of about `size`, each read when it is asked for: 100,000 endpoints at once would hold up requests for a
 * third of a second. What goes meanwhile is left out, what comes may be there or not. Walks copies: what is taken out of a `Map`
 * and put back while it is walked would come twice.
 */
export function* collectRows(live: LiveState, size: number, choice: RowChoice): Generator<StatsRows, void, undefined> {
  let batch: Batch = { routes: [], endpoints: [], upstreams: [] };
  let work = 0;
  const takes = (isNotable: boolean): boolean => {
    const taken = choice === 'all' || isNotable;
    work += taken ? 1 : 1 / GLANCES_PER_ROW;
    return taken;
  };
  const routes = Array.from(live.routeStats.values());
  for (const stats of routes) {
    if (live.routeStats.get(stats.routeId) !== stats) continue;
    if (takes(stats.isNotable)) batch.routes.push(stats.toRow());
    if (work < size) continue;
    yield batch;
    batch = { routes: [], endpoints: [], upstreams: [] };
    work = 0;
  }
  const upstreams = Array.from(live.upstreams.all());
  for (const upstream of upstreams) {
    if (live.upstreams.get(upstream.id) !== upstream) continue;
    if (takes(isNotableUpstream(upstream))) batch.upstreams.push(toUpstreamRow(upstream));
    for (const endpoint of upstream.endpoints) {
      if (takes(isNotableEndpoint(endpoint)))
        batch.endpoints.push(toEndpointRow(endpoint, upstream, live.upstreams.nowMs));
    }
    if (work < size) continue;
    yield batch;
    batch = { routes: [], endpoints: [], upstreams: [] };
    work = 0;
  }
  yield batch;
}

function isNotableUpstream({ traffic, panicking, panics }: Upstream): boolean {
  const { retries, budgetExhausted, backupRequests, admission } = traffic;
  if (panicking || panics > 0 || budgetExhausted > 0 || backupRequests > 0) return true;
  if (admission !== null && (admission.waiting > 0 || admission.rejected > 0 || admission.timedOut > 0)) return true;
  for (const _ in retries) return true;
  return false;
}

function isNotableEndpoint({ healthy, passive, requests, connectFailures, inFlight, transport }: Endpoint): boolean {
  const asked = requests > 0 || connectFailures > 0 || inFlight > 0 || (transport?.openCount ?? 0) > 0;
  return asked || !healthy || passive.ejected || wasEjected(passive);
}

function wasEjected({ ejections }: PassiveHealth): boolean {
  for (const reason in ejections) if (ejections[reason as EjectionReason] > 0) return true;
  return false;
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
