/** Builders of worker reports: plain rows with every counter at 0 unless said otherwise. */
import {
  DURATION_BUCKETS_MS,
  type EndpointStatsRow,
  type RouteStatsRow,
  type UpstreamStatsRow,
  type WorkerStats,
} from '../../src/model/worker-stats.ts';

export function workerStats(workerId: number, parts: Partial<WorkerStats> = {}): WorkerStats {
  return {
    workerId,
    generation: 1,
    connections: { active: 0, accepted: 0, refused: 0, refusedPerClient: 0, acceptErrors: 0, tlsHandshakeErrors: 0 },
    requests: { active: 0, total: 0, unrouted: {} },
    configApplied: 1,
    configApplyFailures: 0,
    cpuSeconds: 0,
    routes: [],
    endpoints: [],
    upstreams: [],
    mirror: { inFlight: 0, bufferedBytes: 0, samples: [] },
    ...parts,
  };
}

/** `okCount` answers of class 2xx, each within a millisecond. */
export function routeRow(routeId: string, okCount: number, parts: Partial<RouteStatsRow> = {}): RouteStatsRow {
  return {
    routeId,
    statusClasses: [0, okCount, 0, 0, 0],
    clientAborts: 0,
    requestBytes: 0,
    responseBytes: 0,
    durationSumMs: okCount,
    durationBuckets: [okCount, ...DURATION_BUCKETS_MS.map(() => 0)],
    split: [],
    mirror: null,
    ...parts,
  };
}

export function endpointRow(
  upstreamId: string,
  endpointId: string,
  parts: Partial<EndpointStatsRow> = {},
): EndpointStatsRow {
  return {
    upstreamId,
    endpointId,
    healthy: true,
    reason: '',
    weight: 1,
    weightInForce: 1,
    draining: false,
    ejected: null,
    ejectedForMs: 0,
    ejections: {},
    latencyMs: -1,
    inFlight: 0,
    openConnections: 0,
    idleConnections: 0,
    requests: 0,
    failures: 0,
    connectFailures: 0,
    retries: 0,
    ...parts,
  };
}

export function upstreamRow(upstreamId: string, parts: Partial<UpstreamStatsRow> = {}): UpstreamStatsRow {
  return {
    upstreamId,
    retries: {},
    budgetExhausted: 0,
    backupRequests: 0,
    pending: 0,
    rejected: 0,
    panicking: false,
    panics: 0,
    queueTimeouts: 0,
    ...parts,
  };
}
