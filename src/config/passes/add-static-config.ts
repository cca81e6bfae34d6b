/** Pass: the static configuration file, and the listeners where there is none. The file was validated when it was read. */
import type { CanaryConfig, CanaryHeaderMatch } from '../../model/canary.ts';
import type { ObjectRef } from '../../model/object-ref.ts';
import { encodeRulePath, normalisePath } from '../../model/path.ts';
import type { PathMatch } from '../../model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../model/route-policy.ts';
import type { StaticCanary, StaticConfig, StaticListener, StaticRoute } from '../../model/static-config.ts';
import { applyRelease } from '../apply-release.ts';
import { DEFAULT_BACKEND_TRANSPORT } from '../backend-transport.ts';
import { findScaleFault } from '../canary-scale.ts';
import { type Draft, reject, toRouteId, warn } from '../draft.ts';
import { honourLane, type RouteLanes } from '../lane-match.ts';
import { toCertificate } from './assign-certificates.ts';

export function addStaticConfig(draft: Draft): void {
  const config = draft.snapshot.staticConfig;
  if (config === null || config.listeners === null) draft.listeners.push(...draft.settings.listeners);
  if (config === null) return;
  const source: ObjectRef = { kind: 'StaticConfig', namespace: '', name: config.file };
  addListeners(draft, config.listeners ?? [], source);
  addUpstreams(draft, config, source);
  config.routes.forEach((route, index) => addRoute(draft, route, source, `routes[${index}]`));
}

function addListeners(draft: Draft, listeners: readonly StaticListener[], source: ObjectRef): void {
  // What `--bind` asks for is known only through the listeners the flags would have made.
  const boundAddress = draft.settings.listeners[0]?.address ?? '0.0.0.0';
  const taken = new Set<string>();
  const seen = new Set<string>();
  for (const { name, address, port, tls, proxyProtocol, trustedProxies } of listeners) {
    const rule = tls?.clientCertificates ?? null;
    draft.listeners.push({
      name,
      protocol: tls === null ? 'http' : 'https',
      address: address ?? boundAddress,
      port,
      advertisedPort: 0,
      proxyProtocol,
      trustedProxies,
      clientCertificates: rule === null ? [] : [rule],
    });
    for (const pair of tls?.certificates ?? []) {
      if (seen.has(pair.fingerprint)) continue;
      seen.add(pair.fingerprint);
      // The first certificate for a name keeps it, the first of all is the default.
      const hosts = pair.dnsNames.filter((host) => !taken.has(host));
      for (const host of hosts) taken.add(host);
      const isDefault = draft.certificates.length === 0;
      draft.certificates.push({ ...toCertificate(pair.fingerprint, pair, source, hosts), isDefault });
    }
  }
}

/** Those no route refers to are kept: their health is watched all the same. */
function addUpstreams(draft: Draft, config: StaticConfig, source: ObjectRef): void {
  for (const [id, upstream] of config.upstreams) draft.upstreams.set(id, { id, ...upstream, backend: null, source });
}

function addRoute(draft: Draft, route: StaticRoute, source: ObjectRef, field: string): void {
  const path = toPathMatch(route);
  if (path === null) {
    const message = `path "${route.path.value}" leads above the root or has a malformed escape; write a plain absolute path`;
    reject(draft, 'path-invalid', source, `${field}.path`, message);
    return;
  }
  const id = toRouteId(route.host, path);
  const owner = draft.routes.get(id);
  if (owner !== undefined) {
    const message = `${path.kind} path "${path.value}" already belongs to ${owner.sourceField}, which has the same host`;
    reject(draft, 'path-conflict', source, field, message);
    return;
  }
  const lanes: RouteLanes = { lane: route.lane ?? null, laneAnswer: route.laneAnswer ?? null };
  const canaries = route.canaries.map((canary, index) => {
    const honours = { header: canary.honoursLane === true, cookie: canary.honoursLaneCookie === true };
    return honourLane(toCanary(canary, source, `${field}.canaries[${index}]`), honours, lanes);
  });
  reportScaleFaults(draft, canaries);
  draft.routes.set(id, {
    host: route.host,
    path,
    upstream: route.upstream,
    canaries,
    service: '',
    ...lanes,
    honoursLane: {
      header: route.canaries.some(({ honoursLane }) => honoursLane),
      cookie: route.canaries.some(({ honoursLaneCookie }) => honoursLaneCookie),
    },
    buckets: route.buckets,
    transport: DEFAULT_BACKEND_TRANSPORT,
    acceptsCanaries: false,
    policy: toPolicy(route),
    source,
    sourceField: field,
  });
}

function reportScaleFaults(draft: Draft, canaries: readonly CanaryConfig[]): void {
  canaries.forEach((canary, index) => {
    const fault = findScaleFault(canaries.slice(0, index), canary);
    if (fault !== null)
      warn(draft, 'canary-invalid', canary.source, `${canary.sourceField}.${fault.of}`, fault.message);
  });
}

function toPathMatch({ path }: StaticRoute): PathMatch | null {
  if (path.kind === 'regex') return path;
  const value = normalisePath(encodeRulePath(path.value));
  return value === null ? null : { kind: path.kind, value };
}

function toPolicy(route: StaticRoute): RoutePolicy {
  const { timeouts, retries, requestBuffering, affinity, mirror, maxRequestBodyBytes } = route;
  return {
    ...DEFAULT_ROUTE_POLICY,
    connectTimeoutMs: timeouts.connectMs ?? DEFAULT_ROUTE_POLICY.connectTimeoutMs,
    sendTimeoutMs: timeouts.sendMs ?? DEFAULT_ROUTE_POLICY.sendTimeoutMs,
    responseTimeoutMs: timeouts.responseMs ?? DEFAULT_ROUTE_POLICY.responseTimeoutMs,
    idleTimeoutMs: timeouts.idleMs ?? DEFAULT_ROUTE_POLICY.idleTimeoutMs,
    affinity,
    mirror,
    retryAttempts: retries.attempts ?? DEFAULT_ROUTE_POLICY.retryAttempts,
    retryOn: retries.on ?? DEFAULT_ROUTE_POLICY.retryOn,
    retryTimeoutMs: retries.timeoutMs ?? DEFAULT_ROUTE_POLICY.retryTimeoutMs,
    retryNonIdempotent: retries.nonIdempotent ?? DEFAULT_ROUTE_POLICY.retryNonIdempotent,
    retryBufferBytes: retries.bufferBytes ?? DEFAULT_ROUTE_POLICY.retryBufferBytes,
    streamRequest: requestBuffering === null ? DEFAULT_ROUTE_POLICY.streamRequest : !requestBuffering,
    maxRequestBodyBytes: maxRequestBodyBytes ?? DEFAULT_ROUTE_POLICY.maxRequestBodyBytes,
  };
}

function toCanary(canary: StaticCanary, source: ObjectRef, sourceField: string): CanaryConfig {
  const { upstream, cookie, match, weight, weightTotal, fallback, lane } = canary;
  const rule: CanaryConfig = {
    upstream,
    header: canary.header === null ? null : toHeaderMatch(canary.header),
    cookie: cookie?.name ?? null,
    ...(match === null ? {} : { match }),
    weight,
    weightTotal,
    sticky: true,
    ...(lane === undefined ? {} : { lane }),
    ...(fallback === undefined ? {} : { fallback: fallback ? 'always' : 'never' }),
    source,
    sourceField,
  };
  return canary.release === undefined ? rule : applyRelease(rule, canary.release);
}

function toHeaderMatch(header: NonNullable<StaticCanary['header']>): CanaryHeaderMatch {
  const name = header.name.toLowerCase();
  if (header.value !== null) return { name, kind: 'exact', value: header.value };
  if (header.pattern !== null) return { name, kind: 'pattern', value: header.pattern };
  return { name, kind: 'word', value: '' };
}
