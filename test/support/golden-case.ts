/**
 * Reads a golden case from YAML and prints what it compiles to. Ingresses and slices are written as Kubernetes writes them
 * and go through `watch/narrow`; Services with pods and certificates have a short form, because most cases need them only
 * to exist.
 */
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { CompileSettings } from '../../src/model/compile-settings.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { ProxyConfig, RouteConfig, UpstreamConfig, UpstreamTlsConfig } from '../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY, type UpstreamPolicy } from '../../src/model/upstream-policy.ts';
import { narrow } from '../../src/watch/narrow.ts';
import { SnapshotBuilder } from '../../src/watch/snapshot.ts';
import { authoritiesSecret, brokenSecret, keyPair, service, settings, slice, tlsSecret } from './fixtures.ts';

interface CaseFile {
  readonly settings?: Partial<CompileSettings> & { readonly fallbackNames?: readonly string[] };
  /** False: IngressClasses may not be read. */
  readonly classesReadable?: boolean;
  /** Services by `ns/name` with one unnamed port 80, and the addresses of their ready pods. */
  readonly pods?: Readonly<Record<string, readonly string[]>>;
  /** Secrets by `ns/name`: the names of the certificate, or (text) why it is broken. */
  readonly secrets?: Readonly<Record<string, readonly string[] | string>>;
  /** Keys of Secrets with certificates to trust, perhaps beside those of `secrets`. */
  readonly authorities?: readonly string[];
  readonly objects?: readonly unknown[];
}

export interface GoldenCase {
  readonly snapshot: ObjectSnapshot;
  readonly settings: CompileSettings;
}

export function readGoldenCase(yaml: string): GoldenCase {
  const file: CaseFile = parse(yaml);
  const builder = new SnapshotBuilder();
  builder.setClassesReadable(file.classesReadable ?? true);
  for (const [key, addresses] of Object.entries(file.pods ?? {})) {
    builder.set('Service', key, service(key));
    builder.set('EndpointSlice', key, slice(key, addresses));
  }
  for (const [key, names] of Object.entries(file.secrets ?? {})) {
    builder.set('Secret', key, typeof names === 'string' ? brokenSecret(key, names) : tlsSecret(key, ...names));
  }
  for (const key of file.authorities ?? []) {
    const names = file.secrets?.[key];
    const { caPem, authoritiesFault, ...none } = authoritiesSecret(key);
    const pair = Array.isArray(names) ? tlsSecret(key, ...names) : none;
    builder.set('Secret', key, { ...pair, caPem, authoritiesFault });
  }
  for (const raw of file.objects ?? []) addObject(builder, raw);
  const { fallbackNames, ...flags } = file.settings ?? {};
  const fallbackCertificate = fallbackNames === undefined ? null : keyPair(...fallbackNames);
  return { snapshot: builder.build(), settings: settings({ ...flags, fallbackCertificate }) };
}

function addObject(builder: SnapshotBuilder, raw: unknown): void {
  const narrowed = narrow(raw);
  if (narrowed === null) throw new TypeError(`golden case holds an object of no known kind: ${JSON.stringify(raw)}`);
  const { kind, result } = narrowed;
  const value = Array.isArray(result.value) ? result.value[0] : result.value;
  if (value === undefined || value === null) throw new TypeError(`golden case holds a useless ${kind}`);
  builder.set(kind, value.key, result.value, result.problems);
}

/** What a golden file shows: everything that a case can change, without the constants every route repeats. */
export function toGolden(config: ProxyConfig): unknown {
  const { routes, upstreams, certificates, problems } = config;
  return {
    routes: routes.map(toGoldenRoute),
    upstreams: upstreams.map(toGoldenUpstream),
    certificates: certificates.map(({ id, hosts, isDefault, source }) => ({ id, hosts, isDefault, source })),
    problems: problems.map(({ location: _location, ...problem }) => problem),
  };
}

function toGoldenUpstream(upstream: UpstreamConfig): unknown {
  const { id, endpoints, protocol, tls, sendProxyProtocol } = upstream;
  const isPlain = protocol === 'http1' && tls === null && sendProxyProtocol === 'off';
  const transport = isPlain ? {} : { transport: { protocol, tls: toGoldenTls(tls), sendProxyProtocol } };
  return {
    id,
    endpoints: endpoints.map(({ address, port, draining }) => `${address} ${port}${draining ? ' draining' : ''}`),
    ...transport,
    ...settingsOf(upstream),
  };
}

/** Those that somebody has changed. */
function settingsOf(upstream: UpstreamConfig): Partial<UpstreamPolicy> {
  const policy: Readonly<Record<string, unknown>> = { ...upstream };
  const defaults = Object.entries(DEFAULT_UPSTREAM_POLICY);
  return Object.fromEntries(
    defaults.flatMap(([name, value]) => (isDeepStrictEqual(policy[name], value) ? [] : [[name, policy[name]]])),
  );
}

function toGoldenTls(tls: UpstreamTlsConfig | null): unknown {
  if (tls === null) return null;
  return { ...tls, clientCertificate: tls.clientCertificate?.fingerprint ?? null };
}

function toGoldenRoute(route: RouteConfig): unknown {
  const { id, split, policy, source, sourceField } = route;
  const lanes = split.members.flatMap(({ lane }) => lane ?? []);
  return {
    id,
    source: `${source.kind} ${source.namespace}/${source.name} ${sourceField}`,
    upstream: split.members.map((member) => member.upstream).join(' '),
    canaries: split.canaries.map(({ source: owner, ...canary }) => ({ ...canary, source: owner.name })),
    ...(lanes.length === 0 ? {} : { lanes }),
    ...(split.stays === undefined ? {} : { stays: split.stays }),
    ...(split.laneAnswer === undefined ? {} : { laneAnswer: split.laneAnswer }),
    ...(split.buckets === undefined ? {} : { buckets: split.buckets }),
    policy: differenceFromDefault(policy),
  };
}

function differenceFromDefault(policy: RoutePolicy): Readonly<Record<string, unknown>> {
  const ingressDefault: Readonly<Record<string, unknown>> = { ...DEFAULT_ROUTE_POLICY, maxRequestBodyBytes: 1_048_576 };
  return Object.fromEntries(Object.entries(policy).filter(([field, value]) => ingressDefault[field] !== value));
}

/** Pretty JSON with sorted keys: a diff shows what changed and nothing else. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value, sortKeys, 2);
}

function sortKeys(_key: string, item: unknown): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
