/**
 * The static configuration file after validation: defaults filled in, durations in milliseconds, certificate files read.
 * `watch/` guarantees that references resolve (every `upstream` exists), so compiling it cannot fail.
 */
import type { CookieAffinity } from './affinity.ts';
import type { BucketConfig, RequestMatch } from './canary.ts';
import type { LaneAnswer, LaneConfig } from './lane.ts';
import type { MirrorConfig } from './mirror.ts';
import type { KeyPair } from './objects.ts';
import type { ClientCertificateRule, TransportConfig } from './proxy-config.ts';
import type { ReleaseConfig } from './release.ts';
import type { RetryCondition } from './route-policy.ts';
import type { UpstreamPolicy } from './upstream-policy.ts';

export interface StaticConfig {
  /** File name as the user gave it; the `ObjectRef` of everything in here has `kind: 'StaticConfig'` and this name. */
  readonly file: string;
  /** Null when the file has no `listeners`: the flags decide. */
  readonly listeners: readonly StaticListener[] | null;
  readonly upstreams: ReadonlyMap<string, StaticUpstream>;
  readonly routes: readonly StaticRoute[];
}

export interface StaticListener {
  readonly name: string;
  /** Null: the `--bind` address. */
  readonly address: string | null;
  /** 0 = any free port. */
  readonly port: number;
  /** Null: clear text. The first certificate is the default one. */
  readonly tls: StaticTls | null;
  /** Null: no PROXY protocol. */
  readonly proxyProtocol: { readonly trusted: readonly string[] } | null;
  readonly trustedProxies: readonly string[];
}

export interface StaticTls {
  readonly certificates: readonly KeyPair[];
  /** Null: clients are not asked for certificates. */
  readonly clientCertificates: ClientCertificateRule | null;
}

export interface StaticUpstream extends TransportConfig, UpstreamPolicy {
  readonly endpoints: readonly { readonly address: string; readonly port: number; readonly weight: number }[];
}

export interface StaticRoute {
  /** Lower case; empty = any host; `*.example.com` = exactly one label. */
  readonly host: string;
  readonly path: { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string };
  readonly upstream: string;
  readonly canaries: readonly StaticCanary[];
  /** Null = not written. */
  readonly buckets: BucketConfig | null;
  /** Null = not written in the file. */
  readonly timeouts: {
    readonly connectMs: number | null;
    readonly sendMs: number | null;
    readonly responseMs: number | null;
    readonly idleMs: number | null;
  };
  readonly retries: {
    /** Total tries including the first. */
    readonly attempts: number | null;
    readonly on: readonly RetryCondition[] | null;
    readonly timeoutMs: number | null;
    readonly nonIdempotent: boolean | null;
    readonly bufferBytes: number | null;
  };
  /** Null = not written. */
  readonly requestBuffering: boolean | null;
  /** Null = not written. */
  readonly affinity: CookieAffinity | null;
  /** Null = not written. */
  readonly mirror: MirrorConfig | null;
  /** Bytes; 0 = unlimited; null = not written. */
  readonly maxRequestBodyBytes: number | null;
  /** Of the requests that no canary takes; absent = none. */
  readonly lane?: LaneConfig;
  /** How clients are told in which lane they were; absent = not at all. */
  readonly laneAnswer?: LaneAnswer;
}

export interface StaticCanary {
  readonly upstream: string;
  /** `value` and `pattern` are exclusive; both null = the words `always` and `never` decide. */
  readonly header: { readonly name: string; readonly value: string | null; readonly pattern: string | null } | null;
  /** `always` / `never` decide. */
  readonly cookie: { readonly name: string } | null;
  /** Null = not written. */
  readonly match: RequestMatch | null;
  readonly weight: number;
  readonly weightTotal: number;
  /** Absent = not written. */
  readonly fallback?: boolean;
  /** Absent = none. */
  readonly lane?: LaneConfig;
  /** By its header. */
  readonly honoursLane?: true;
  readonly honoursLaneCookie?: true;
  /** Absent = it belongs to no release. */
  readonly release?: ReleaseConfig;
}
