/** What the annotations of one Ingress add up to. Each annotation writes its own fields in here and no others. */
import { type CookieAffinity, DEFAULT_COOKIE_AFFINITY } from '../../model/affinity.ts';
import type { BucketKey, FallbackRule, RequestMatch } from '../../model/canary.ts';
import type { HealthCheckConfig } from '../../model/health-check.ts';
import { DEFAULT_LANE_COOKIE_PATH, DEFAULT_LANE_HEADER, type LaneCookie } from '../../model/lane.ts';
import { DEFAULT_COMPARED_HEADERS, type MirrorTarget } from '../../model/mirror.ts';
import type { OutlierDetectionConfig } from '../../model/outlier-detection.ts';
import type { TlsVersion, TransportConfig } from '../../model/proxy-config.ts';
import type { ReleaseConfig, ReleaseGates, ReleaseState, ReleaseStep, ReleaseWindow } from '../../model/release.ts';
import type { WrittenCommand } from '../../model/release-command.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../model/route-policy.ts';
import type { UpstreamPolicy } from '../../model/upstream-policy.ts';
import type { BackendProtocol } from '../backend-transport.ts';

export interface IngressSettings {
  readonly policy: Writable<RoutePolicy>;
  readonly affinity: AffinitySettings;
  readonly canary: CanarySettings;
  readonly release: ReleaseSettings;
  readonly lane: LaneSettings;
  readonly pair: PairSettings;
  readonly backend: BackendSettings;
  readonly upstream: UpstreamSettings;
  readonly hashing: HashingSettings;
  readonly healthCheck: HealthCheckSettings;
  readonly passiveHealth: PassiveHealthSettings;
  readonly mirror: MirrorSettings;
}

/** The `mirror-*` annotations as written. How they combine is decided in `combine-mirror.ts`. */
export interface MirrorSettings {
  /** Null = absent. */
  target: MirrorTarget | null;
  /** Empty = absent. */
  host: string;
  percent: number;
  sendBody: boolean;
  compare: boolean;
  compareBody: boolean;
  headers: readonly string[];
}

/** The `session-cookie-*` count only where affinity is asked for. */
export type AffinitySettings = Writable<CookieAffinity> & { enabled: boolean };

/** How requests are hashed, as written. */
export interface HashingSettings {
  /** Empty = absent. */
  keyTemplate: string;
  inSubsets: boolean;
  subsetSize: number;
  /** 0 = absent. */
  boundPercent: number;
}

/** What is asked of the upstreams themselves; absent = nothing. Who prevails is decided in `upstream-claims.ts`. */
export type UpstreamSettings = Writable<Partial<UpstreamPolicy>>;

/** The `outlier-*` and `slow-start*` annotations as written. How they combine is decided in `combine-passive-health.ts`. */
export interface PassiveHealthSettings {
  /** Null = absent. */
  enabled: boolean | null;
  readonly limits: Writable<Partial<OutlierDetectionConfig>>;
  /** Null = absent. */
  slowStartMs: number | null;
  /** Null = absent. */
  slowStartPercent: number | null;
}

/** The `health-check*` annotations as written; null or absent = not written. How they combine is decided in `combine-health-check.ts`. */
export interface HealthCheckSettings {
  kind: 'http' | 'https' | 'tcp' | 'grpc' | null;
  path: string | null;
  bodyText: string | null;
  bodyPattern: string | null;
  /** What means the same by itself as beside others. */
  readonly others: Writable<Partial<Omit<HealthCheckConfig, 'kind' | 'tls' | 'path' | 'body'>>>;
}

/** How backends are connected to, as written. How that combines is decided in `backend-tls.ts`. */
export interface BackendSettings {
  /** Null = absent. */
  protocol: BackendProtocol | null;
  /** `namespace/name`; empty = absent. */
  sslSecret: string;
  sslVerify: boolean;
  sslVerifyDepth: number;
  sslName: string;
  sslServerName: boolean;
  sslMinVersion: TlsVersion;
  sslMaxVersion: TlsVersion;
  sslCiphers: string;
  sendProxyProtocol: TransportConfig['sendProxyProtocol'];
}

/** The `canary*` annotations as written; empty text = absent. How they combine is decided in `passes/pair-canaries.ts`. */
export interface CanarySettings {
  enabled: boolean;
  header: string;
  headerValue: string;
  headerPattern: string;
  cookie: string;
  weight: number;
  weightTotal: number;
  sticky: boolean;
  rulesFirst: boolean;
  /** Null = absent. */
  match: RequestMatch | null;
  priority: number;
  /** Null = absent. */
  hashBy: BucketKey | null;
  seed: string;
  /** Null = absent. */
  fallback: FallbackRule | null;
  /** What `ReleaseSettings` come to; null = the canary is no release. */
  release: Omit<ReleaseConfig, 'id'> | null;
}

/** What is written of the release of a canary; null = absent, or not valid. How it combines is decided in `combine-release.ts`. */
export interface ReleaseSettings {
  plan: readonly ReleaseStep[] | null;
  gates: ReleaseGates | null;
  command: WrittenCommand | null;
  name: string | null;
  expiresAfterMs: number | null;
  window: ReleaseWindow | null;
  state: ReleaseState | null;
}

/** The `lane*` annotations as written. How they combine is decided in `combine-lane.ts`. */
export interface LaneSettings {
  /** Empty = absent. */
  name: string;
  header: string;
  honour: boolean;
  honourCookie: boolean;
  /** Empty = absent. */
  answerHeader: string;
  /** Without a name = absent. */
  readonly cookie: Writable<LaneCookie>;
}

/** How two backends of one path divide its requests, as written; empty = absent. Decided in `service-pair.ts`. */
export interface PairSettings {
  matches: readonly ServiceMatch[];
  weights: readonly ServiceWeight[];
}

export interface ServiceMatch {
  readonly service: string;
  readonly match: RequestMatch;
}

export interface ServiceWeight {
  readonly service: string;
  readonly weight: number;
}

export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Where subsets are asked for and nobody says how large. */
export const DEFAULT_SUBSET_SIZE = 3;

/** The dialect's own defaults, where they differ from those of a static route. */
const INGRESS_MAX_BODY_BYTES = 1024 * 1024;

export function createIngressSettings(): IngressSettings {
  return {
    policy: { ...DEFAULT_ROUTE_POLICY, maxRequestBodyBytes: INGRESS_MAX_BODY_BYTES },
    affinity: { ...DEFAULT_COOKIE_AFFINITY, enabled: false },
    canary: {
      enabled: false,
      header: '',
      headerValue: '',
      headerPattern: '',
      cookie: '',
      weight: 0,
      weightTotal: 100,
      sticky: true,
      rulesFirst: false,
      match: null,
      priority: 0,
      hashBy: null,
      seed: '',
      fallback: null,
      release: null,
    },
    release: {
      plan: null,
      gates: null,
      command: null,
      name: null,
      expiresAfterMs: null,
      window: null,
      state: null,
    },
    lane: {
      name: '',
      header: DEFAULT_LANE_HEADER,
      honour: false,
      honourCookie: false,
      answerHeader: '',
      cookie: { name: '', path: DEFAULT_LANE_COOKIE_PATH, maxAgeSeconds: null, sameSite: '', alwaysSecure: false },
    },
    pair: { matches: [], weights: [] },
    backend: {
      protocol: null,
      sslSecret: '',
      sslVerify: false,
      sslVerifyDepth: 1,
      sslName: '',
      sslServerName: false,
      sslMinVersion: 'TLSv1.2',
      sslMaxVersion: 'TLSv1.2',
      sslCiphers: '',
      sendProxyProtocol: 'off',
    },
    upstream: {},
    hashing: { keyTemplate: '', inSubsets: false, subsetSize: DEFAULT_SUBSET_SIZE, boundPercent: 0 },
    healthCheck: { kind: null, path: null, bodyText: null, bodyPattern: null, others: {} },
    passiveHealth: { enabled: null, limits: {}, slowStartMs: null, slowStartPercent: null },
    mirror: {
      target: null,
      host: '',
      percent: 100,
      sendBody: true,
      compare: false,
      compareBody: true,
      headers: DEFAULT_COMPARED_HEADERS,
    },
  };
}
