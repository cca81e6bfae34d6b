/** The static configuration file as written: what `static-schema.ts` lets through, before defaults and units. */
import type { RetryCondition } from '../model/route-policy.ts';
import type { BalancerName } from '../model/upstream-policy.ts';
import type { AffinityEntry } from './static-affinity.ts';
import type { HealthCheckEntry } from './static-health-check.ts';
import type { CanaryLaneEntry, RouteLaneEntry } from './static-lane.ts';
import type { MatchEntry } from './static-match.ts';
import type { MirrorEntry } from './static-mirror.ts';
import type { OutlierDetectionEntry, SlowStartEntry } from './static-passive-health.ts';
import type { PlanEntry } from './static-release.ts';

export interface StaticFile {
  readonly listeners?: readonly ListenerEntry[] | undefined;
  readonly upstreams?: Readonly<Record<string, UpstreamEntry>> | undefined;
  readonly routes?: readonly RouteEntry[] | undefined;
}

export interface ListenerEntry {
  readonly name: string;
  readonly address?: string | undefined;
  readonly port: number;
  readonly tls?:
    | {
        readonly certificates: readonly CertificateEntry[];
        readonly clientCertificates?: ClientCertificatesEntry | undefined;
      }
    | undefined;
  readonly proxyProtocol?: { readonly trusted: readonly string[] } | undefined;
  readonly trustedProxies?: readonly string[] | undefined;
}

export interface ClientCertificatesEntry {
  readonly caFile: string;
  readonly mode: 'require' | 'request';
  readonly hosts?: readonly string[] | undefined;
  readonly forwardCertificate?: boolean | undefined;
}

export interface CertificateEntry {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface UpstreamEntry {
  readonly endpoints: readonly { readonly address: string; readonly weight?: number | undefined }[];
  readonly protocol?: 'http1' | 'http2' | undefined;
  readonly tls?: UpstreamTlsEntry | undefined;
  readonly proxyProtocol?: 'v1' | 'v2' | undefined;
  readonly balancer?: BalancerName | undefined;
  readonly hashBy?: string | undefined;
  readonly hashBound?: number | undefined;
  readonly hashSubsetSize?: number | undefined;
  readonly healthCheck?: HealthCheckEntry | undefined;
  readonly outlierDetection?: OutlierDetectionEntry | undefined;
  readonly slowStart?: SlowStartEntry | undefined;
  /** Percent. */
  readonly panicThreshold?: number | undefined;
  readonly retryBudget?: RetryBudgetEntry | undefined;
  readonly limits?: LimitsEntry | undefined;
  readonly backup?: string | undefined;
}

export interface RetryBudgetEntry {
  readonly percent?: number | undefined;
  readonly perSecond?: number | undefined;
}

export interface LimitsEntry {
  readonly maxConnections?: number | undefined;
  readonly maxRequests?: number | undefined;
  readonly maxConnectionsPerEndpoint?: number | undefined;
  readonly maxRequestsPerEndpoint?: number | undefined;
  readonly maxPending?: number | undefined;
  readonly pendingTimeout?: string | undefined;
}

export interface UpstreamTlsEntry {
  readonly serverName?: string | undefined;
  readonly verify?: boolean | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface RouteEntry {
  readonly host?: string | undefined;
  readonly path?:
    | { readonly prefix?: string | undefined; readonly exact?: string | undefined; readonly regex?: string | undefined }
    | undefined;
  readonly upstream: string;
  readonly lane?: RouteLaneEntry | undefined;
  readonly canaries?: readonly CanaryEntry[] | undefined;
  readonly buckets?: { readonly by: string; readonly seed?: string | undefined } | undefined;
  readonly timeouts?:
    | {
        readonly connect?: string | undefined;
        readonly send?: string | undefined;
        readonly response?: string | undefined;
        readonly idle?: string | undefined;
      }
    | undefined;
  readonly retries?: RetriesEntry | undefined;
  readonly requestBuffering?: boolean | undefined;
  readonly affinity?: AffinityEntry | undefined;
  readonly mirror?: MirrorEntry | undefined;
  readonly maxBodySize?: string | number | undefined;
}

export interface RetriesEntry {
  readonly attempts?: number | undefined;
  readonly on?: readonly RetryCondition[] | undefined;
  readonly timeout?: string | undefined;
  readonly nonIdempotent?: boolean | undefined;
  readonly buffer?: string | number | undefined;
}

export interface CanaryEntry {
  readonly upstream: string;
  readonly header?:
    | { readonly name: string; readonly value?: string | undefined; readonly pattern?: string | undefined }
    | undefined;
  readonly cookie?: { readonly name: string } | undefined;
  readonly match?: readonly MatchEntry[] | undefined;
  readonly weight?: number | undefined;
  readonly weightTotal?: number | undefined;
  readonly fallback?: boolean | undefined;
  readonly lane?: CanaryLaneEntry | undefined;
  readonly plan?: PlanEntry | undefined;
}

export interface StaticDefaults {
  readonly protocol: 'http1';
  readonly verify: boolean;
  readonly endpointWeight: number;
  readonly canaryWeight: number;
  readonly canaryWeightTotal: number;
}

/** What an absent key means. The schema's descriptions and the reference page name the same values. */
export const STATIC_DEFAULTS: StaticDefaults = {
  protocol: 'http1',
  verify: true,
  endpointWeight: 1,
  canaryWeight: 0,
  canaryWeightTotal: 100,
};
