/** Turns the text of a static configuration file into a `StaticConfig`, or into every Problem it has. */
import { type BucketConfig, parseBucketKey } from '../model/canary.ts';
import type { Problem } from '../model/problem.ts';
import { type ClientCertificateRule, MAX_VERIFY_DEPTH, type UpstreamTlsConfig } from '../model/proxy-config.ts';
import type {
  StaticCanary,
  StaticConfig,
  StaticListener,
  StaticRoute,
  StaticTls,
  StaticUpstream,
} from '../model/static-config.ts';
import {
  DEFAULT_UPSTREAM_POLICY,
  type RetryBudgetConfig,
  type UpstreamLimits,
  type UpstreamPolicy,
} from '../model/upstream-policy.ts';
import { parseEndpointAddress } from './endpoint-address.ts';
import { parseByteSize, parseDurationMs } from './quantity.ts';
import { toAffinity } from './static-affinity.ts';
import { readCertificates, type StaticCertificates } from './static-certificates.ts';
import { checkStaticFile } from './static-checks.ts';
import {
  type CanaryEntry,
  type ClientCertificatesEntry,
  type LimitsEntry,
  type ListenerEntry,
  type RetryBudgetEntry,
  type RouteEntry,
  STATIC_DEFAULTS,
  type StaticFile,
  type UpstreamEntry,
  type UpstreamTlsEntry,
} from './static-file.ts';
import { toHealthCheck } from './static-health-check.ts';
import { reportIssues } from './static-issues.ts';
import { toCanaryLane, toRouteLane } from './static-lane.ts';
import { toMatch } from './static-match.ts';
import { toMirror } from './static-mirror.ts';
import { toOutlierDetection, toSlowStart } from './static-passive-health.ts';
import { StaticProblems, staticRef } from './static-problems.ts';
import { toRelease } from './static-release.ts';
import { staticFileSchema } from './static-schema.ts';
import { toStaticHost } from './static-values.ts';
import { parseYaml, type YamlDocument } from './yaml-document.ts';

export interface StaticNarrowOptions {
  /** As the user gave it; relative file names inside are relative to its directory. */
  readonly file: string;
  /** Milliseconds since 1970, for expired certificates. */
  readonly nowAt: number;
}

export interface StaticNarrowed {
  /** Null when a Problem rejects something: a configuration is served whole or not at all. */
  readonly config: StaticConfig | null;
  readonly problems: readonly Problem[];
  /** Certificate files it depends on. */
  readonly paths: readonly string[];
  /** For locating later Problems; null when the text is no YAML. */
  readonly document: YamlDocument | null;
}

export async function narrowStaticConfig(text: string, options: StaticNarrowOptions): Promise<StaticNarrowed> {
  const { file, nowAt } = options;
  const { documents, faults } = parseYaml(text, { file, firstLine: 1, merge: false });
  const [document] = documents;
  if (faults.length > 0 || document === undefined || document.value === null || documents.length > 1) {
    return { config: null, problems: toSyntaxProblems(file, faults, documents.length), paths: [], document: null };
  }
  const problems = new StaticProblems(file, document);
  const parsed = staticFileSchema.safeParse(document.value, { reportInput: true });
  if (!parsed.success) reportIssues(parsed.error.issues, problems);
  checkStaticFile(document.value, problems);
  const certificates = await readCertificates(document.value, file, problems, nowAt);
  const config = parsed.success && !problems.hasRejections ? toStaticConfig(file, parsed.data, certificates) : null;
  return { config, problems: problems.list(), paths: certificates.paths, document };
}

function toSyntaxProblems(
  file: string,
  faults: readonly { message: string; location: Problem['location'] }[],
  count: number,
): readonly Problem[] {
  const start = { file, line: 1, column: 1 };
  const message =
    count > 1 ? `holds ${count} documents; expected one` : 'is empty; expected listeners, upstreams and routes';
  const found = faults.length > 0 ? faults : [{ message, location: start }];
  return found.map((fault) => {
    return { code: 'config-syntax', severity: 'rejected', source: staticRef(file), field: '', ...fault };
  });
}

function toStaticConfig(file: string, entry: StaticFile, certificates: StaticCertificates): StaticConfig {
  const upstreams = Object.entries(entry.upstreams ?? {});
  return {
    file,
    listeners: entry.listeners?.map((listener, index) => toListener(listener, index, certificates)) ?? null,
    upstreams: new Map(upstreams.map(([name, upstream]) => [name, toUpstream(name, upstream, certificates)])),
    routes: (entry.routes ?? []).map(toRoute),
  };
}

function toListener(entry: ListenerEntry, index: number, files: StaticCertificates): StaticListener {
  const { name, address, port, tls, proxyProtocol, trustedProxies } = entry;
  return {
    name,
    address: address ?? null,
    port,
    tls: tls === undefined ? null : toTls(tls, `listeners[${index}].tls`, files),
    proxyProtocol: proxyProtocol ?? null,
    trustedProxies: trustedProxies ?? [],
  };
}

function toTls(entry: NonNullable<ListenerEntry['tls']>, field: string, files: StaticCertificates): StaticTls {
  const { certificates, clientCertificates } = entry;
  return {
    certificates: certificates.flatMap((_, place) => files.keyPairs.get(`${field}.certificates[${place}]`) ?? []),
    clientCertificates:
      clientCertificates === undefined
        ? null
        : toClientCertificates(clientCertificates, `${field}.clientCertificates`, files),
  };
}

/** Null without a usable file of authorities: that was rejected, and with it the whole configuration. */
function toClientCertificates(
  { mode, hosts, forwardCertificate }: ClientCertificatesEntry,
  field: string,
  files: StaticCertificates,
): ClientCertificateRule | null {
  const ca = files.clientCas.get(field);
  if (ca === undefined) return null;
  const names = hosts?.flatMap((host) => toStaticHost(host) ?? []) ?? [''];
  return { hosts: [...new Set(names)], mode, ca, forwardCertificate: forwardCertificate ?? false };
}

function toUpstream(name: string, entry: UpstreamEntry, certificates: StaticCertificates): StaticUpstream {
  const { endpoints, balancer, healthCheck, protocol, tls, proxyProtocol } = entry;
  return {
    protocol: protocol ?? STATIC_DEFAULTS.protocol,
    tls: tls === undefined ? null : toUpstreamTls(tls, `upstreams.${name}.tls`, certificates),
    sendProxyProtocol: proxyProtocol ?? 'off',
    balancer: balancer ?? DEFAULT_UPSTREAM_POLICY.balancer,
    hashing: toHashing(entry),
    endpoints: endpoints.flatMap(({ address, weight = STATIC_DEFAULTS.endpointWeight }) => {
      const parsed = parseEndpointAddress(address);
      return parsed === null ? [] : { ...parsed, weight };
    }),
    healthCheck: healthCheck === undefined ? null : toHealthCheck(healthCheck),
    outlierDetection: toOutlierDetection(entry.outlierDetection, DEFAULT_UPSTREAM_POLICY.outlierDetection),
    slowStart: toSlowStart(entry.slowStart),
    panicThreshold: entry.panicThreshold ?? DEFAULT_UPSTREAM_POLICY.panicThreshold,
    retryBudget: toRetryBudget(entry.retryBudget),
    limits: toLimits(entry.limits),
    backup: entry.backup ?? null,
  };
}

function toRetryBudget({ percent, perSecond }: RetryBudgetEntry = {}): RetryBudgetConfig {
  const defaults = DEFAULT_UPSTREAM_POLICY.retryBudget;
  return { percent: percent ?? defaults.percent, perSecond: perSecond ?? defaults.perSecond };
}

function toLimits(entry: LimitsEntry = {}): UpstreamLimits {
  const defaults = DEFAULT_UPSTREAM_POLICY.limits;
  return {
    maxConnections: entry.maxConnections ?? defaults.maxConnections,
    maxRequests: entry.maxRequests ?? defaults.maxRequests,
    maxConnectionsPerEndpoint: entry.maxConnectionsPerEndpoint ?? defaults.maxConnectionsPerEndpoint,
    maxRequestsPerEndpoint: entry.maxRequestsPerEndpoint ?? defaults.maxRequestsPerEndpoint,
    maxPending: entry.maxPending ?? defaults.maxPending,
    pendingTimeoutMs: toMs(entry.pendingTimeout) ?? defaults.pendingTimeoutMs,
  };
}

function toHashing({ hashBy, hashBound, hashSubsetSize }: UpstreamEntry): UpstreamPolicy['hashing'] {
  if (hashBy === undefined && hashBound === undefined && hashSubsetSize === undefined) return null;
  return { keyTemplate: hashBy ?? '', subsetSize: hashSubsetSize ?? 0, boundPercent: hashBound ?? 0 };
}

function toUpstreamTls(
  { serverName = '', verify = STATIC_DEFAULTS.verify }: UpstreamTlsEntry,
  field: string,
  { keyPairs, authorities }: StaticCertificates,
): UpstreamTlsConfig {
  return {
    serverName: serverName.toLowerCase(),
    sendServerName: true,
    verify,
    verifyDepth: MAX_VERIFY_DEPTH,
    caPem: authorities.get(field) ?? null,
    clientCertificate: keyPairs.get(field) ?? null,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: '',
  };
}

function toRoute(entry: RouteEntry): StaticRoute {
  const { host = '', upstream, timeouts, retries, requestBuffering, affinity, mirror, maxBodySize } = entry;
  return {
    host: toStaticHost(host) ?? '',
    path: toPath(entry.path),
    upstream,
    canaries: (entry.canaries ?? []).map(toCanary),
    buckets: toBuckets(entry),
    timeouts: {
      connectMs: toMs(timeouts?.connect),
      sendMs: toMs(timeouts?.send),
      responseMs: toMs(timeouts?.response),
      idleMs: toMs(timeouts?.idle),
    },
    affinity: affinity === undefined ? null : toAffinity(affinity),
    mirror: mirror === undefined ? null : toMirror(mirror),
    retries: {
      attempts: retries?.attempts ?? null,
      on: retries?.on === undefined ? null : [...new Set(retries.on)],
      timeoutMs: toMs(retries?.timeout),
      nonIdempotent: retries?.nonIdempotent ?? null,
      bufferBytes: toBytes(retries?.buffer),
    },
    requestBuffering: requestBuffering ?? null,
    maxRequestBodyBytes: toBytes(maxBodySize),
    ...toRouteLane(entry.lane),
  };
}

function toPath({ prefix, exact, regex }: NonNullable<RouteEntry['path']> = {}): StaticRoute['path'] {
  if (exact !== undefined) return { kind: 'exact', value: exact };
  return regex !== undefined ? { kind: 'regex', value: regex } : { kind: 'prefix', value: prefix ?? '/' };
}

function toCanary({
  upstream,
  header,
  cookie,
  match,
  weight,
  weightTotal,
  fallback,
  lane,
  plan,
}: CanaryEntry): StaticCanary {
  return {
    upstream,
    header:
      header === undefined ? null : { name: header.name, value: header.value ?? null, pattern: header.pattern ?? null },
    cookie: cookie === undefined ? null : { name: cookie.name },
    match: match === undefined ? null : toMatch(match),
    weight: weight ?? STATIC_DEFAULTS.canaryWeight,
    weightTotal: weightTotal ?? STATIC_DEFAULTS.canaryWeightTotal,
    ...(fallback === undefined ? {} : { fallback }),
    ...toCanaryLane(lane),
    ...(plan === undefined ? {} : { release: toRelease(plan, upstream) }),
  };
}

/** Null where the file says nothing. */
function toBuckets({ buckets, canaries }: RouteEntry): BucketConfig | null {
  const by = buckets === undefined ? null : parseBucketKey(buckets.by);
  return by === null ? null : { by, seed: buckets?.seed ?? canaries?.[0]?.upstream ?? '' };
}

/** Null where the file says nothing. */
function toMs(text: string | undefined): number | null {
  return text === undefined ? null : parseDurationMs(text);
}

/** Null where the file says nothing. */
function toBytes(size: string | number | undefined): number | null {
  return size === undefined ? null : parseByteSize(size);
}
