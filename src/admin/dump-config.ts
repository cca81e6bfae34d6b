/**
 * What `/debug/config` shows: the running configuration with the source of everything, and the live state of endpoints and
 * workers. Certificates and upstreams are copied field by field, so that key material cannot get in by accident.
 */
import type { HealthCheckConfig, LastCheck } from '../model/health-check.ts';
import type { KeyPair } from '../model/objects.ts';
import type { EjectionReason } from '../model/outlier-detection.ts';
import {
  type CertificateConfig,
  type ClientCertificateRule,
  type EndpointAddress,
  type ListenerConfig,
  type ProxyConfig,
  toEndpointId,
  type UpstreamConfig,
  type UpstreamId,
  type UpstreamTlsConfig,
} from '../model/proxy-config.ts';
import type { EndpointStatsRow, WorkerStats } from '../model/worker-stats.ts';

export type DumpedCertificate = Omit<CertificateConfig, 'certPem' | 'keyPem'>;

export interface DumpedClientCertificates extends Pick<ClientCertificateRule, 'hosts' | 'mode' | 'forwardCertificate'> {
  readonly caFingerprint: string;
}

export interface DumpedListener extends Omit<ListenerConfig, 'clientCertificates'> {
  readonly clientCertificates: readonly DumpedClientCertificates[];
}

/** Summed over workers; `healthy` only if every worker thinks so. Null where no worker has told. */
export interface DumpedEndpoint extends EndpointAddress {
  readonly healthy: boolean | null;
  /** Empty when healthy. */
  readonly reason: string;
  /** The least over workers: below `weight` while the share grows; 0 = no new requests. Null where no worker has told. */
  readonly weightInForce: number | null;
  /** Why requests had it ejected, in any worker; null = it is not. */
  readonly ejected: EjectionReason | null;
  /** Milliseconds until the last worker may try it again. */
  readonly ejectedForMs: number;
  /** How often, by reason. */
  readonly ejections: Readonly<Record<string, number>>;
  /** What the balancers expect an attempt to take at most; null = they keep no account. */
  readonly latencyMs: number | null;
  readonly inFlight: number;
  readonly openConnections: number;
  /** Null where nothing is checked, or nothing has been yet. */
  readonly lastCheck: LastCheck | null;
}

const NOT_TOLD = {
  healthy: null,
  reason: '',
  weightInForce: null,
  ejected: null,
  ejectedForMs: 0,
  ejections: {},
  latencyMs: null,
  inFlight: 0,
  openConnections: 0,
} as const;

/** The values of headers may be credentials. */
export interface DumpedHealthCheck extends Omit<HealthCheckConfig, 'headers'> {
  readonly headers: readonly string[];
}

/** The newest result of probing an endpoint. */
export type FindLastCheck = (upstreamId: UpstreamId, endpointId: string) => LastCheck | null;

export interface DumpedUpstreamTls extends Omit<UpstreamTlsConfig, 'caPem' | 'clientCertificate'> {
  /** False: the public authorities are trusted. */
  readonly ownAuthorities: boolean;
  readonly clientCertificate: Omit<KeyPair, 'certPem' | 'keyPem'> | null;
}

export interface DumpedUpstream extends Omit<UpstreamConfig, 'endpoints' | 'tls' | 'healthCheck'> {
  readonly healthCheck: DumpedHealthCheck | null;
  readonly tls: DumpedUpstreamTls | null;
  readonly endpoints: readonly DumpedEndpoint[];
}

export type DumpedWorker = Pick<WorkerStats, 'workerId' | 'generation' | 'connections' | 'requests' | 'cpuSeconds'>;

export interface ConfigDump extends Omit<ProxyConfig, 'certificates' | 'listeners' | 'upstreams'> {
  readonly listeners: readonly DumpedListener[];
  readonly upstreams: readonly DumpedUpstream[];
  readonly certificates: readonly DumpedCertificate[];
  readonly workers: readonly DumpedWorker[];
}

/**
 * Endpoints change without a new configuration, so those that the workers report are the truth; `config` speaks only
 * where no worker answered.
 */
export function dumpConfig(
  config: ProxyConfig,
  workers: readonly WorkerStats[],
  findLastCheck: FindLastCheck = () => null,
): ConfigDump {
  const live = workers.length === 0 ? null : mergeEndpoints(workers);
  return {
    generation: config.generation,
    listeners: config.listeners.map(dumpListener),
    routes: config.routes,
    upstreams: config.upstreams.map((upstream) => dumpUpstream(upstream, live, findLastCheck)),
    certificates: config.certificates.map(dumpCertificate),
    problems: config.problems,
    workers: workers.map(({ workerId, generation, connections, requests, cpuSeconds }) => ({
      workerId,
      generation,
      connections,
      requests,
      cpuSeconds,
    })),
  };
}

function dumpListener(listener: ListenerConfig): DumpedListener {
  const clientCertificates = listener.clientCertificates.map(({ hosts, mode, ca, forwardCertificate }) => {
    return { hosts, mode, caFingerprint: ca.fingerprint, forwardCertificate };
  });
  return { ...listener, clientCertificates };
}

function dumpCertificate(certificate: CertificateConfig): DumpedCertificate {
  const { id, hosts, isDefault, fingerprint, dnsNames, notAfter, source } = certificate;
  return { id, hosts, isDefault, fingerprint, dnsNames, notAfter, source };
}

function dumpUpstream(
  upstream: UpstreamConfig,
  live: LiveEndpoints | null,
  findLastCheck: FindLastCheck,
): DumpedUpstream {
  const rows = live?.get(upstream.id)?.values() ?? [];
  const known =
    live === null
      ? upstream.endpoints.map((address) => ({ ...address, ...NOT_TOLD }))
      : Array.from(rows, (row) => toDumped(row));
  const endpoints = known.map((endpoint) => {
    return { ...endpoint, lastCheck: findLastCheck(upstream.id, toEndpointId(endpoint.address, endpoint.port)) };
  });
  const { id, protocol, sendProxyProtocol, balancer, hashing, backend, source } = upstream;
  const { retryBudget, limits, backup, outlierDetection, slowStart, panicThreshold } = upstream;
  const tls = upstream.tls === null ? null : dumpTls(upstream.tls);
  const healthCheck = upstream.healthCheck === null ? null : dumpHealthCheck(upstream.healthCheck);
  const health = { healthCheck, outlierDetection, slowStart, panicThreshold };
  const policy = { balancer, hashing, ...health, retryBudget, limits, backup };
  return { id, protocol, tls, sendProxyProtocol, ...policy, endpoints, backend, source };
}

function dumpHealthCheck(check: HealthCheckConfig): DumpedHealthCheck {
  return { ...check, headers: check.headers.map(({ name }) => name) };
}

function dumpTls(tls: UpstreamTlsConfig): DumpedUpstreamTls {
  const { serverName, sendServerName, verify, verifyDepth, minVersion, maxVersion, ciphers } = tls;
  const pair = tls.clientCertificate;
  const clientCertificate =
    pair === null ? null : { fingerprint: pair.fingerprint, dnsNames: pair.dnsNames, notAfter: pair.notAfter };
  const ownAuthorities = tls.caPem !== null;
  return {
    serverName,
    sendServerName,
    verify,
    verifyDepth,
    ownAuthorities,
    clientCertificate,
    minVersion,
    maxVersion,
    ciphers,
  };
}

/** By upstream, then by endpoint. */
type LiveEndpoints = ReadonlyMap<string, ReadonlyMap<string, EndpointStatsRow>>;

function mergeEndpoints(workers: readonly WorkerStats[]): LiveEndpoints {
  const upstreams = new Map<string, Map<string, EndpointStatsRow>>();
  for (const row of workers.flatMap((worker) => worker.endpoints)) {
    const endpoints = upstreams.get(row.upstreamId) ?? new Map<string, EndpointStatsRow>();
    upstreams.set(row.upstreamId, endpoints);
    const other = endpoints.get(row.endpointId);
    endpoints.set(row.endpointId, other === undefined ? row : mergeRows(other, row));
  }
  return upstreams;
}

function mergeRows(a: EndpointStatsRow, b: EndpointStatsRow): EndpointStatsRow {
  return {
    ...a,
    healthy: a.healthy && b.healthy,
    reason: a.reason || b.reason,
    weightInForce: Math.min(a.weightInForce, b.weightInForce),
    ejected: a.ejected ?? b.ejected,
    ejectedForMs: Math.max(a.ejectedForMs, b.ejectedForMs),
    ejections: addCounts(a.ejections, b.ejections),
    latencyMs: Math.max(a.latencyMs, b.latencyMs),
    inFlight: a.inFlight + b.inFlight,
    openConnections: a.openConnections + b.openConnections,
  };
}

function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...a };
  for (const [reason, count] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}

function toDumped(row: EndpointStatsRow): Omit<DumpedEndpoint, 'lastCheck'> {
  const { weight, healthy, reason, ejected, ejectedForMs, ejections, inFlight, openConnections } = row;
  return {
    ...parseEndpointId(row.endpointId),
    weight,
    ...(row.draining ? { draining: true } : null),
    healthy,
    reason,
    weightInForce: row.weightInForce,
    ejected,
    ejectedForMs,
    ejections,
    latencyMs: row.latencyMs === -1 ? null : row.latencyMs,
    inFlight,
    openConnections,
  };
}

/** The way back from `toEndpointId`. */
function parseEndpointId(id: string): { readonly address: string; readonly port: number } {
  const colon = id.lastIndexOf(':');
  const address = id.slice(0, colon);
  return { address: address.startsWith('[') ? address.slice(1, -1) : address, port: Number(id.slice(colon + 1)) };
}
