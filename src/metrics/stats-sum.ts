/** Adds up the counters of several workers, row by row. Knows nothing of who is alive: that is `worker-totals.ts`. */
import type {
  EndpointStatsRow,
  MirrorStatsRow,
  RouteStatsRow,
  SplitStatsRow,
  UpstreamStatsRow,
  WorkerStats,
} from '../model/worker-stats.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface RouteSum extends Mutable<Omit<RouteStatsRow, 'statusClasses' | 'durationBuckets' | 'split'>> {
  readonly statusClasses: number[];
  readonly durationBuckets: number[];
  readonly split: Mutable<SplitStatsRow>[];
}

/** What is true in each worker for itself, and what is not printed. */
type OfOneWorker =
  | 'healthy'
  | 'reason'
  | 'weight'
  | 'weightInForce'
  | 'draining'
  | 'ejected'
  | 'ejectedForMs'
  | 'latencyMs';

export interface EndpointSum extends Mutable<Omit<EndpointStatsRow, OfOneWorker | 'ejections'>> {
  /** Workers that report the endpoint now, how many of them regard it as healthy, and how many have ejected it. */
  reporters: number;
  healthyReporters: number;
  ejectingReporters: number;
  weight: number;
  readonly ejections: Map<string, number>;
}

export interface UpstreamSum extends Mutable<Omit<UpstreamStatsRow, 'retries' | 'panicking'>> {
  readonly retries: Map<string, number>;
  /** Workers in which health is ignored now. */
  panickingReporters: number;
  /** Workers that report the upstream now. */
  reporters: number;
}

export class StatsSum {
  activeConnections = 0;
  accepted = 0;
  refused = 0;
  refusedPerClient = 0;
  acceptErrors = 0;
  tlsHandshakeErrors = 0;
  activeRequests = 0;
  /** That had a route, those that have gone included. */
  totalRequests = 0;
  mirrorsInFlight = 0;
  mirrorBufferedBytes = 0;
  readonly unrouted: Map<string, number> = new Map();
  readonly routes: Map<string, RouteSum> = new Map();
  /** By upstream, then by endpoint. */
  readonly endpoints: Map<string, Map<string, EndpointSum>> = new Map();
  readonly upstreams: Map<string, UpstreamSum> = new Map();

  /** The running totals of `stats`. */
  addCounters(stats: WorkerStats): void {
    this.accepted += stats.connections.accepted;
    this.refused += stats.connections.refused;
    this.refusedPerClient += stats.connections.refusedPerClient;
    this.acceptErrors += stats.connections.acceptErrors;
    this.totalRequests += stats.requests.total;
    this.tlsHandshakeErrors += stats.connections.tlsHandshakeErrors;
    for (const [status, count] of Object.entries(stats.requests.unrouted)) {
      this.unrouted.set(status, (this.unrouted.get(status) ?? 0) + count);
    }
    for (const row of stats.routes) this.#addRoute(row);
    for (const row of stats.endpoints) this.#addEndpointCounters(row, Object.entries(row.ejections));
    for (const row of stats.upstreams) this.#addUpstreamCounters(row, Object.entries(row.retries));
  }

  /** The fields of `stats` that speak of now. */
  addGauges(stats: WorkerStats): void {
    this.activeConnections += stats.connections.active;
    this.activeRequests += stats.requests.active;
    this.mirrorsInFlight += stats.mirror.inFlight;
    this.mirrorBufferedBytes += stats.mirror.bufferedBytes;
    for (const row of stats.endpoints) {
      const sum = this.#endpoint(row.upstreamId, row.endpointId);
      sum.inFlight += row.inFlight;
      sum.openConnections += row.openConnections;
      sum.idleConnections += row.idleConnections;
      sum.reporters += 1;
      if (row.healthy) sum.healthyReporters += 1;
      if (row.ejected !== null) sum.ejectingReporters += 1;
      sum.weight = row.weight;
    }
    for (const row of stats.upstreams) {
      const sum = this.#upstream(row.upstreamId);
      sum.pending += row.pending;
      if (row.panicking) sum.panickingReporters += 1;
      sum.reporters += 1;
    }
  }

  /** Everything another sum has counted. */
  addSum(other: StatsSum): void {
    this.accepted += other.accepted;
    this.refused += other.refused;
    this.refusedPerClient += other.refusedPerClient;
    this.acceptErrors += other.acceptErrors;
    this.totalRequests += other.totalRequests;
    this.tlsHandshakeErrors += other.tlsHandshakeErrors;
    for (const [status, count] of other.unrouted) this.unrouted.set(status, (this.unrouted.get(status) ?? 0) + count);
    for (const row of other.routes.values()) this.#addRoute(row);
    for (const rows of other.endpoints.values()) {
      for (const row of rows.values()) this.#addEndpointCounters(row, row.ejections);
    }
    for (const row of other.upstreams.values()) this.#addUpstreamCounters(row, row.retries);
  }

  #addRoute(row: RouteStatsRow): void {
    let sum = this.routes.get(row.routeId);
    if (sum === undefined) {
      sum = emptyRoute(row.routeId);
      this.routes.set(row.routeId, sum);
    }
    addEach(sum.statusClasses, row.statusClasses);
    addEach(sum.durationBuckets, row.durationBuckets);
    sum.clientAborts += row.clientAborts;
    sum.requestBytes += row.requestBytes;
    sum.responseBytes += row.responseBytes;
    sum.durationSumMs += row.durationSumMs;
    for (const split of row.split) addSplit(sum.split, split);
    if (row.mirror !== null) sum.mirror = addMirror(sum.mirror, row.mirror);
  }

  #addEndpointCounters(
    row: Omit<EndpointStatsRow, OfOneWorker | 'ejections'>,
    ejections: Iterable<readonly [string, number]>,
  ): void {
    const sum = this.#endpoint(row.upstreamId, row.endpointId);
    for (const [reason, count] of ejections) sum.ejections.set(reason, (sum.ejections.get(reason) ?? 0) + count);
    sum.requests += row.requests;
    sum.failures += row.failures;
    sum.connectFailures += row.connectFailures;
    sum.retries += row.retries;
  }

  #addUpstreamCounters(
    row: Omit<UpstreamStatsRow, 'retries' | 'pending' | 'panicking'>,
    retries: Iterable<readonly [string, number]>,
  ): void {
    const sum = this.#upstream(row.upstreamId);
    for (const [reason, count] of retries) sum.retries.set(reason, (sum.retries.get(reason) ?? 0) + count);
    sum.budgetExhausted += row.budgetExhausted;
    sum.backupRequests += row.backupRequests;
    sum.rejected += row.rejected;
    sum.queueTimeouts += row.queueTimeouts;
    sum.panics += row.panics;
  }

  #upstream(upstreamId: string): UpstreamSum {
    let sum = this.upstreams.get(upstreamId);
    if (sum === undefined) {
      sum = emptyUpstream(upstreamId);
      this.upstreams.set(upstreamId, sum);
    }
    return sum;
  }

  #endpoint(upstreamId: string, endpointId: string): EndpointSum {
    let rows = this.endpoints.get(upstreamId);
    if (rows === undefined) {
      rows = new Map();
      this.endpoints.set(upstreamId, rows);
    }
    let sum = rows.get(endpointId);
    if (sum === undefined) {
      sum = emptyEndpoint(upstreamId, endpointId);
      rows.set(endpointId, sum);
    }
    return sum;
  }
}

function addSplit(sums: Mutable<SplitStatsRow>[], row: SplitStatsRow): void {
  const sum = sums.find((each) => each.upstreamId === row.upstreamId && each.canary === row.canary);
  if (sum === undefined) {
    sums.push({ ...row });
    return;
  }
  sum.requests += row.requests;
  sum.failures += row.failures;
  sum.fallbacks += row.fallbacks;
}

export function addMirror(a: MirrorStatsRow | null, b: MirrorStatsRow): MirrorStatsRow {
  if (a === null) return b;
  return {
    results: addCounts(a.results, b.results),
    drops: addCounts(a.drops, b.drops),
    comparisons: addCounts(a.comparisons, b.comparisons),
  };
}

function addCounts<Name extends string>(
  a: Readonly<Record<Name, number>>,
  b: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const sum: Record<Name, number> = { ...a };
  for (const name of Object.keys(b) as Name[]) sum[name] += b[name];
  return sum;
}

/** Place by place; `sums` grows as needed. */
export function addEach(sums: number[], values: readonly number[]): void {
  for (const [at, value] of values.entries()) sums[at] = (sums[at] ?? 0) + value;
}

function emptyRoute(routeId: string): RouteSum {
  return {
    routeId,
    statusClasses: [0, 0, 0, 0, 0],
    clientAborts: 0,
    requestBytes: 0,
    responseBytes: 0,
    durationSumMs: 0,
    durationBuckets: [],
    split: [],
    mirror: null,
  };
}

function emptyUpstream(upstreamId: string): UpstreamSum {
  return {
    upstreamId,
    retries: new Map(),
    reporters: 0,
    budgetExhausted: 0,
    backupRequests: 0,
    pending: 0,
    rejected: 0,
    queueTimeouts: 0,
    panickingReporters: 0,
    panics: 0,
  };
}

function emptyEndpoint(upstreamId: string, endpointId: string): EndpointSum {
  return {
    upstreamId,
    endpointId,
    reporters: 0,
    healthyReporters: 0,
    ejectingReporters: 0,
    weight: 0,
    ejections: new Map(),
    inFlight: 0,
    openConnections: 0,
    idleConnections: 0,
    requests: 0,
    failures: 0,
    connectFailures: 0,
    retries: 0,
  };
}
