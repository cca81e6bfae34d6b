/**
 * What the passes of a compile build up, in one place. Only `compile.ts` makes one and turns it into a `ProxyConfig`;
 * a pass reads the snapshot and what earlier passes left here, and adds to it.
 */
import type { BucketConfig, CanaryConfig } from '../model/canary.ts';
import type { CompileSettings } from '../model/compile-settings.ts';
import type { LaneAnswer, LaneConfig } from '../model/lane.ts';
import type { ObjectKey, ObjectRef } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject } from '../model/objects.ts';
import type { Problem, ProblemCode, ProblemSeverity } from '../model/problem.ts';
import type {
  CertificateConfig,
  ListenerConfig,
  PathMatch,
  UpstreamConfig,
  UpstreamId,
} from '../model/proxy-config.ts';
import type { RoutePolicy } from '../model/route-policy.ts';
import type { CanarySettings, PairSettings, UpstreamSettings } from './annotations/ingress-settings.ts';
import type { ResolvedBackend } from './backend.ts';
import type { BackendTransport } from './backend-transport.ts';
import type { CompileMemory } from './compile-memory.ts';
import type { HonouredLanes } from './lane-match.ts';
import type { SettingAuthors } from './upstream-claims.ts';

export interface Draft {
  readonly snapshot: ObjectSnapshot;
  readonly settings: CompileSettings;
  readonly memory: CompileMemory;
  /** Whether the Ingresses are all there are of those that speak of any host. */
  readonly ownsAnyHost: boolean;
  /** Of our class, oldest first; those that are canaries stand in `canaries` alone. */
  readonly ingresses: AcceptedIngress[];
  readonly canaries: AcceptedIngress[];
  /** The oldest Ingress that mentions a host: it shapes what no rule of the host takes. */
  readonly hostOwners: Map<string, AcceptedIngress>;
  readonly routes: Map<string, DraftRoute>;
  readonly upstreams: Map<UpstreamId, UpstreamConfig>;
  /** How each upstream of an Ingress was asked to be connected to. */
  readonly transports: Map<UpstreamId, BackendTransport>;
  readonly settingAuthors: Map<UpstreamId, SettingAuthors>;
  /** What each backend that Ingresses refer to resolved to. */
  readonly backends: Map<UpstreamId, ResolvedBackend>;
  /** Hosts by the Secret that serves them; under null those of the default certificate. */
  readonly secretHosts: Map<ObjectKey | null, string[]>;
  readonly certificates: CertificateConfig[];
  readonly listeners: ListenerConfig[];
  readonly problems: Problem[];
}

/** An Ingress of our class with its annotations read. */
export interface AcceptedIngress {
  readonly object: IngressObject;
  readonly ref: ObjectRef;
  /** Shared by all its routes. */
  readonly policy: RoutePolicy;
  /** The same for `Prefix` paths that end in `/`. */
  readonly slashPolicy: RoutePolicy;
  /** Null for an ordinary Ingress. */
  readonly canary: CanarySettings | null;
  /** How two backends of one path divide its requests. */
  readonly pair: PairSettings;
  /** Of its requests; null = none. */
  readonly lane: LaneConfig | null;
  /** How its clients are told in which lane they were; null = not at all. */
  readonly laneAnswer: LaneAnswer | null;
  /** Of a canary: requests that come in the lane take it. */
  readonly honoursLane: HonouredLanes;
  /** How its backends are connected to; of a canary the default, as its routes belong to others. */
  readonly transport: BackendTransport;
  /** What it asks of the upstreams it names. */
  readonly upstreamSettings: UpstreamSettings;
}

/** A `RouteConfig` that still collects canaries. */
export interface DraftRoute {
  readonly host: string;
  readonly path: PathMatch;
  readonly upstream: UpstreamId;
  /** The Service behind `upstream`, as its Ingress names it; empty where there is none. */
  readonly service: string;
  readonly canaries: CanaryConfig[];
  /** Of the requests that no canary takes; null = none. */
  readonly lane: LaneConfig | null;
  /** What the weights of the canaries divide by; null = chance. */
  buckets: BucketConfig | null;
  readonly laneAnswer: LaneAnswer | null;
  /** What its canaries honour, and so the route: requests in its own lane are then not divided. */
  honoursLane: HonouredLanes;
  /** Also that of its canaries. */
  readonly transport: BackendTransport;
  /** Canaries pair with routes that an Ingress asked for, never with the default backend of the settings. */
  readonly acceptsCanaries: boolean;
  readonly policy: RoutePolicy;
  readonly source: ObjectRef;
  readonly sourceField: string;
}

export function createDraft(
  snapshot: ObjectSnapshot,
  settings: CompileSettings,
  memory: CompileMemory,
  ownsAnyHost: boolean = true,
): Draft {
  return {
    snapshot,
    settings,
    memory,
    ownsAnyHost,
    ingresses: [],
    canaries: [],
    hostOwners: new Map(),
    routes: new Map(),
    upstreams: new Map(),
    transports: new Map(),
    settingAuthors: new Map(),
    backends: new Map(),
    secretHosts: new Map(),
    certificates: [],
    listeners: [],
    problems: [],
  };
}

/** Unique by construction: one route per host, kind of match and path. Neither a host nor a kind can hold a `|`. */
export function toRouteId(host: string, path: PathMatch): string {
  return `${host}|${path.kind}|${path.value}`;
}

export function warn(draft: Draft, code: ProblemCode, source: ObjectRef, field: string, message: string): void {
  draft.problems.push(makeProblem('warning', code, source, field, message));
}

export function reject(draft: Draft, code: ProblemCode, source: ObjectRef, field: string, message: string): void {
  draft.problems.push(makeProblem('rejected', code, source, field, message));
}

function makeProblem(
  severity: ProblemSeverity,
  code: ProblemCode,
  source: ObjectRef,
  field: string,
  message: string,
): Problem {
  return { code, severity, source, field, message, location: null };
}
