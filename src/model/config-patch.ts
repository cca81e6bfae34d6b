/** What crosses from the control plane to a worker where only a part of the configuration changes. Plain data, like all that does. */
import type { CertificateConfig, RouteConfig, UpstreamConfig, UpstreamId } from './proxy-config.ts';
import type { RoutePolicy } from './route-policy.ts';

/** Turns the configuration `base` into `generation`. Listeners are the same in both, and every route is served on all of them. */
export interface ConfigPatch {
  /** The generation it must be applied to, and to no other. */
  readonly base: number;
  readonly generation: number;
  /** Each host with any difference. */
  readonly hosts: readonly HostRoutes[];
  /** New or changed ones. Routes in `hosts` may refer to others that run already. */
  readonly upstreams: readonly UpstreamConfig[];
  readonly removedUpstreams: readonly UpstreamId[];
  /** Null = the same as before. */
  readonly certificates: CertificatePatch | null;
}

export interface HostRoutes {
  /** As in `RouteConfig`. */
  readonly host: string;
  /** All routes of the host, in order; none = nothing serves it any more. */
  readonly routes: readonly RouteConfig[];
}

export interface CertificatePatch {
  /** Ids of all certificates, in order. */
  readonly ids: readonly string[];
  /** New or changed ones. */
  readonly changed: readonly CertificateConfig[];
}

/** As it crosses: one text for all workers, where each would have its own copy made of the objects. */
export interface WrittenPatch {
  readonly base: number;
  readonly text: string;
}

/** A patch whose routes are read when somebody asks for them: of most hosts that change nobody does before they change again. */
export interface ReceivedPatch extends Omit<ConfigPatch, 'hosts'> {
  readonly hosts: readonly WrittenHost[];
  /** Of all routes: these are many and share few, which would make up most of the text. */
  readonly policies: readonly RoutePolicy[];
  /** Some route has its requests mirrored. */
  readonly mirrors: boolean;
}

export interface WrittenHost {
  /** As in `RouteConfig`. */
  readonly host: string;
  /** Ids of its routes, in order; none = nothing serves it any more. */
  readonly routeIds: readonly string[];
  /** That its routes refer to. */
  readonly upstreams: readonly UpstreamId[];
  /** Building its routes cannot fail and is nobody's business but theirs, so that it can be left for later. */
  readonly isPlain: boolean;
  /** JSON: for `readRoutes`. */
  readonly routes: string;
}

/** In place of its policy it has the place of that among `ReceivedPatch.policies`. */
type WrittenRoute = Omit<RouteConfig, 'policy'> & { readonly policy: number };

export function writePatch({ hosts, ...rest }: ConfigPatch): WrittenPatch {
  const places = new Map<RoutePolicy, number>();
  const writeRoute = (route: RouteConfig): WrittenRoute => {
    const place = places.get(route.policy) ?? places.size;
    places.set(route.policy, place);
    return { ...route, policy: place };
  };
  const written = hosts.map(({ host, routes }) => ({
    host,
    routeIds: routes.map(({ id }) => id),
    upstreams: [...new Set(routes.flatMap(({ split }) => split.members.map(({ upstream }) => upstream)))],
    isPlain: routes.every(isPlain),
    routes: JSON.stringify(routes.map(writeRoute)),
  }));
  const policies = [...places.keys()];
  const mirrors = policies.some(({ mirror }) => mirror !== null);
  const patch: ReceivedPatch = { ...rest, hosts: written, policies, mirrors };
  return { base: rest.base, text: JSON.stringify(patch) };
}

export function readPatch({ text }: WrittenPatch): ReceivedPatch {
  return JSON.parse(text) as ReceivedPatch;
}

export function readRoutes({ routes }: WrittenHost, policies: readonly RoutePolicy[]): readonly RouteConfig[] {
  const written = JSON.parse(routes) as readonly WrittenRoute[];
  return written.map((route) => ({ ...route, policy: policies[route.policy] as RoutePolicy }));
}

/** Nothing of it is compiled from text, and no figures are kept of it from one generation to the next but those under its id. */
function isPlain({ path, conditions, split, policy }: RouteConfig): boolean {
  return (
    path.kind !== 'regex' &&
    conditions === null &&
    split.canaries.length === 0 &&
    split.buckets === undefined &&
    split.stays === undefined &&
    split.laneAnswer === undefined &&
    policy.affinity === null &&
    policy.mirror === null
  );
}
