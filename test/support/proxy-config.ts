/** Builders of compiled configurations, as the data plane gets them: everything has a default, a test names what it is about. */
import type { CanaryConfig } from '../../src/model/canary.ts';
import {
  type CertificateConfig,
  type EndpointAddress,
  type ListenerConfig,
  MAX_VERIFY_DEPTH,
  PLAIN_TRANSPORT,
  type ProxyConfig,
  type RouteConfig,
  type UpstreamConfig,
  type UpstreamTlsConfig,
} from '../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';

const SOURCE = { kind: 'StaticConfig', namespace: '', name: 'test.yaml' };

export function upstreamConfig(id: string, ...addresses: readonly string[]): UpstreamConfig {
  return {
    id,
    ...PLAIN_TRANSPORT,
    ...DEFAULT_UPSTREAM_POLICY,
    endpoints: addresses.map(toEndpoint),
    backend: null,
    source: SOURCE,
  };
}

/** Verifies against `caPem`, by the endpoint's own name. */
export function upstreamTls(caPem: string | null, part: Partial<UpstreamTlsConfig> = {}): UpstreamTlsConfig {
  return {
    serverName: '',
    sendServerName: true,
    verify: true,
    verifyDepth: MAX_VERIFY_DEPTH,
    caPem,
    clientCertificate: null,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: '',
    ...part,
  };
}

/** `127.0.0.1:80` or, with a weight, `127.0.0.1:80*3`. */
function toEndpoint(text: string): EndpointAddress {
  const [, address = '', port = '', weight = '1'] = /^(.*):(\d+)(?:\*(\d+))?$/.exec(text) ?? [];
  return { address, port: Number(port), weight: Number(weight) };
}

export function canaryConfig(upstream: string, part: Partial<CanaryConfig> = {}): CanaryConfig {
  return {
    upstream,
    header: null,
    cookie: null,
    weight: 0,
    weightTotal: 100,
    sticky: true,
    source: SOURCE,
    sourceField: '',
    ...part,
  };
}

/** Any host, prefix `/`, all traffic to one upstream. */
export function routeConfig(id: string, upstream: string, part: Partial<RouteConfig> = {}): RouteConfig {
  return {
    id,
    host: '',
    path: { kind: 'prefix', value: '/' },
    conditions: null,
    listeners: null,
    filters: [],
    split: { members: [{ upstream, weight: 1, filters: [] }], canaries: [] },
    policy: DEFAULT_ROUTE_POLICY,
    source: SOURCE,
    sourceField: '',
    location: null,
    ...part,
  };
}

export function listenerConfig(name: string, part: Partial<ListenerConfig> = {}): ListenerConfig {
  const nobody = { proxyProtocol: null, trustedProxies: [], clientCertificates: [] };
  return { name, protocol: 'http', address: '127.0.0.1', port: 0, advertisedPort: 0, ...nobody, ...part };
}

export function certificateConfig(
  id: string,
  pems: { readonly certPem: string; readonly keyPem: string },
  part: Partial<CertificateConfig> = {},
): CertificateConfig {
  return {
    id,
    hosts: [],
    isDefault: false,
    ...pems,
    fingerprint: id,
    dnsNames: [],
    notAfter: Number.MAX_SAFE_INTEGER,
    source: SOURCE,
    ...part,
  };
}

export function proxyConfig(part: Partial<ProxyConfig> & { readonly generation: number }): ProxyConfig {
  return { listeners: [listenerConfig('web')], routes: [], upstreams: [], certificates: [], problems: [], ...part };
}
