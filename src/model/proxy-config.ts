/**
 * What crosses from the control plane to the data plane: plain, readonly, `structuredClone`-able. Ingress, the static file
 * and later the Gateway API all compile to this, and nothing behind it knows which of them it was.
 */
import type { BucketConfig, CanaryConfig, RequestMatch } from './canary.ts';
import type { LaneAnswer, LaneConfig } from './lane.ts';
import type { FileLocation, ObjectRef } from './object-ref.ts';
import type { KeyPair } from './objects.ts';
import type { EjectionReason } from './outlier-detection.ts';
import type { Problem } from './problem.ts';
import type { RoutePolicy } from './route-policy.ts';
import type { UpstreamPolicy } from './upstream-policy.ts';

export interface ProxyConfig {
  /** Grows with every compile. */
  readonly generation: number;
  readonly listeners: readonly ListenerConfig[];
  /** Sorted by precedence inside one host and path: the first that matches wins. */
  readonly routes: readonly RouteConfig[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly certificates: readonly CertificateConfig[];
  readonly problems: readonly Problem[];
}

export interface ListenerConfig {
  /** Unique. `http` and `https` when the flags decide. */
  readonly name: string;
  readonly protocol: 'http' | 'https';
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  /** What redirects and `X-Forwarded-Port` speak of; 0 = the bound port. */
  readonly advertisedPort: number;
  /** Peers in these networks begin each connection with a PROXY protocol header; null = nobody does. */
  readonly proxyProtocol: { readonly trusted: readonly string[] } | null;
  /** Networks whose `X-Forwarded-*`, `Forwarded` and `X-Real-IP` are believed. */
  readonly trustedProxies: readonly string[];
  /** Which hosts ask for a certificate of the client; empty where the listener does not speak TLS. */
  readonly clientCertificates: readonly ClientCertificateRule[];
}

export interface ClientCertificateRule {
  /** Lower case; `*.example.com` = exactly one label; empty = every host that no rule names. A host stands in one rule only. */
  readonly hosts: readonly string[];
  /** `require`: no request without a valid certificate. `request`: none is fine as well, an invalid one is not. */
  readonly mode: 'require' | 'request';
  readonly ca: ClientCa;
  /** Whether upstreams get the certificate itself (`ssl-client-cert`), and not only what it says. */
  readonly forwardCertificate: boolean;
}

/** Whoever they have signed is let in. */
export interface ClientCa {
  /** PEM, one or more certificates. */
  readonly pem: string;
  /** SHA-256 over all of them, upper-case hex with colons: equal only for the same certificates in the same order. */
  readonly fingerprint: string;
}

export interface RouteConfig {
  /** Unique and stable while host, match and owner stay the same: counters survive a change under the same id. */
  readonly id: string;
  /** Lower case; empty = any host; `*.example.com` = exactly one label. Hosts never fall through to one another. */
  readonly host: string;
  readonly path: PathMatch;
  readonly conditions: RouteConditions | null;
  /** Names of the listeners this route is served on; null = all. */
  readonly listeners: readonly string[] | null;
  readonly filters: readonly RouteFilter[];
  readonly split: SplitConfig;
  readonly policy: RoutePolicy;
  readonly source: ObjectRef;
  /** Path of the rule inside the source object, e.g. `spec.rules[0].http.paths[1]`. */
  readonly sourceField: string;
  /** Set where the source is a file. */
  readonly location: FileLocation | null;
}

/**
 * `value` is written as it is matched: percent-encoded, starting with `/`.
 * `prefix` matches whole elements: `/foo` matches `/foo` and `/foo/bar`, not `/foobar`. `/foo/` is weaker than `/foo` for
 * the bare `/foo` and stronger for everything below it. `regex` (RE2 syntax) must match the whole path.
 */
export interface PathMatch {
  readonly kind: 'exact' | 'prefix' | 'regex';
  readonly value: string;
}

/** Further demands on a request; all must hold. */
export interface RouteConditions {
  /** Null = any method. */
  readonly method: string | null;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
}

export interface ValueMatch {
  /** Header names in lower case. */
  readonly name: string;
  readonly kind: 'exact' | 'regex' | 'present';
  readonly value: string;
}

/** Ordered changes to a request or response (Gateway API filters, rewrites). None exists yet; the place is fixed. */
export type RouteFilter = never;

/** How a route divides its requests over upstreams. */
export interface SplitConfig {
  /** At least one. The main traffic, divided by weight. */
  readonly members: readonly SplitMember[];
  /** In order. Rules by header come first, then those by cookie, then matches, then weights, each over all canaries. */
  readonly canaries: readonly CanaryConfig[];
  /** What weights divide by; absent = chance. */
  readonly buckets?: BucketConfig;
  /** Weights do not count for requests that match it: where no rule of a canary takes one, it stays with the members. */
  readonly stays?: RequestMatch;
  /** How clients are told in which lane they were; absent = not at all. */
  readonly laneAnswer?: LaneAnswer;
}

export interface SplitMember {
  readonly upstream: UpstreamId;
  /** 0 or more. */
  readonly weight: number;
  readonly filters: readonly RouteFilter[];
  /** That its requests carry; absent = none. */
  readonly lane?: LaneConfig;
}

/** Ingress: `namespace/service/port-as-written`. Static configuration: the name in the file. */
export type UpstreamId = string;

/** How connections to the endpoints of an upstream are made. Endpoints get new ones when any of it changes. */
export interface TransportConfig {
  /** `http2` is spoken with prior knowledge: in the clear from the first byte, over TLS by ALPN. */
  readonly protocol: 'http1' | 'http2';
  /** Null = in the clear. */
  readonly tls: UpstreamTlsConfig | null;
  /** The PROXY protocol header that opens each connection; such connections serve one client each. */
  readonly sendProxyProtocol: 'off' | 'v1' | 'v2';
}

/** TLS towards an upstream. Key material inside is never printed. */
export interface UpstreamTlsConfig {
  /** Sent as SNI, and the name the certificate must hold. Empty: the endpoint's own host name or address. */
  readonly serverName: string;
  /** False: no SNI, whatever the name. Addresses are never sent as SNI (RFC 6066 §3). */
  readonly sendServerName: boolean;
  /** Whether chain and name of the endpoint's certificate are checked. */
  readonly verify: boolean;
  /** Most intermediate certificates between the endpoint's own and the trusted one. */
  readonly verifyDepth: number;
  /** The certificates to trust; null = the public authorities that come with Node. */
  readonly caPem: string | null;
  /** Shown to endpoints that ask; null = none. */
  readonly clientCertificate: KeyPair | null;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** An OpenSSL list for TLS 1.2; empty = our own choice. */
  readonly ciphers: string;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface UpstreamConfig extends TransportConfig, UpstreamPolicy {
  readonly id: UpstreamId;
  readonly endpoints: readonly EndpointAddress[];
  /** The Service port the endpoints come from; null for static upstreams. `compile-endpoints.ts` follows it. */
  readonly backend: { readonly namespace: string; readonly service: string; readonly port: number | string } | null;
  readonly source: ObjectRef;
}

export interface EndpointAddress {
  /** IP literal without brackets, or a host name (ExternalName Services, static files). */
  readonly address: string;
  readonly port: number;
  /** 0 = no new requests. */
  readonly weight: number;
  /**
   * Terminating, but still serving: requests of sessions that stick to it may end there; others only where every endpoint
   * of the upstream is draining.
   */
  readonly draining?: true;
  /** Hinted for other zones than ours: requests only where none of ours is available. */
  readonly otherZone?: true;
}

/** The new, complete endpoint list of one upstream. */
export interface EndpointChange {
  readonly upstreamId: UpstreamId;
  readonly endpoints: readonly EndpointAddress[];
}

/** What a probe found out about one endpoint. */
export interface HealthChange {
  readonly upstreamId: UpstreamId;
  /** `toEndpointId(address, port)`. */
  readonly endpointId: string;
  readonly healthy: boolean;
  /** Empty when healthy; else e.g. `status 500`, `connect ECONNREFUSED`. */
  readonly reason: string;
}

/** What a worker found out about one endpoint from its requests, for the other workers. Saying it twice changes nothing. */
export interface EjectionChange {
  readonly upstreamId: UpstreamId;
  /** `toEndpointId(address, port)`. */
  readonly endpointId: string;
  /** Null = it answers well again. */
  readonly reason: EjectionReason | null;
  /** From now on; 0 when it answers well again. */
  readonly forMs: number;
  /** How often in a row it has been ejected, which makes the next time longer. */
  readonly level: number;
}

export interface CertificateConfig {
  readonly id: string;
  /** SNI names it answers for, lower case; `*.example.com` = one label. */
  readonly hosts: readonly string[];
  /** Also answers for unknown names and for no name. At most one per configuration. */
  readonly isDefault: boolean;
  readonly certPem: string;
  readonly keyPem: string;
  readonly fingerprint: string;
  readonly dnsNames: readonly string[];
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  readonly source: ObjectRef;
}

/** HTTP/1.1 in the clear, as most upstreams want it. */
export const PLAIN_TRANSPORT: TransportConfig = { protocol: 'http1', tls: null, sendProxyProtocol: 'off' };

/** TLS that keeps out listeners and nobody else: what the nginx dialect means by HTTPS unless told more. */
export const UNVERIFIED_TLS: UpstreamTlsConfig = {
  serverName: '',
  sendServerName: false,
  verify: false,
  verifyDepth: 1,
  caPem: null,
  clientCertificate: null,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: '',
};

/** More than chains ever have; OpenSSL stops there too. */
export const MAX_VERIFY_DEPTH = 100;

/** `10.0.0.1:8080`, `[2001:db8::1]:8080`, `host.example:80`. */
export function toEndpointId(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
