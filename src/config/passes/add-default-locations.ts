/**
 * Pass: what happens to a request whose host is known and whose path no rule takes, and to one whose host is unknown.
 * Runs around the rules: an Ingress without rules takes the catch-all before any rule can.
 */
import { formatRef, type ObjectRef } from '../../model/object-ref.ts';
import { type PathMatch, PLAIN_TRANSPORT, type UpstreamId } from '../../model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { createIngressSettings } from '../annotations/ingress-settings.ts';
import { DEFAULT_BACKEND_TRANSPORT } from '../backend-transport.ts';
import { type AcceptedIngress, type Draft, type DraftRoute, reject, toRouteId, warn } from '../draft.ts';
import { HONOURS_NONE } from '../lane-match.ts';
import { addUpstream, useBackend } from '../use-backend.ts';

const ANY_HOST = '';
const EVERYTHING: PathMatch = { kind: 'prefix', value: '/' };
const DEFAULT_BACKEND_FIELD = 'spec.defaultBackend';

/** No Ingress can name this upstream: their ids hold two slashes. */
const CLOSED_UPSTREAM: UpstreamId = 'closed';

/** The oldest Ingress with a default backend and no rules takes every host that nobody names. Must run before the rules. */
export function addCatchAll(draft: Draft): void {
  const id = toRouteId(ANY_HOST, EVERYTHING);
  for (const ingress of draft.ingresses) {
    if (ingress.object.rules.length > 0 || ingress.object.defaultBackend === null) continue;
    const owner = draft.routes.get(id);
    if (owner === undefined) {
      addOwnDefault(draft, ANY_HOST, ingress);
    } else {
      const message = `the catch-all already belongs to ${formatRef(owner.source)}`;
      reject(draft, 'path-conflict', ingress.ref, DEFAULT_BACKEND_FIELD, message);
    }
  }
}

/**
 * The route for `/` of every host that has no rule for it: the default backend of the oldest Ingress that names the host,
 * else that of the settings. Hosts never fall through to one another, so one that ends up without any route is closed.
 */
export function addDefaultLocations(draft: Draft): void {
  const shared = findSharedDefault(draft);
  const routedHosts = new Set(Array.from(draft.routes.values(), (route) => route.host));
  for (const [host, owner] of draft.hostOwners) {
    if (draft.routes.has(toRouteId(host, EVERYTHING)) || addOwnDefault(draft, host, owner)) continue;
    if (shared !== null) addSharedDefault(draft, host, { ...shared, policy: owner.policy, source: owner.ref });
    else if (!routedHosts.has(host) && host !== ANY_HOST) addClosed(draft, host, owner);
  }
  if (shared === null || !draft.ownsAnyHost) return;
  if (!draft.routes.has(toRouteId(ANY_HOST, EVERYTHING))) addSharedDefault(draft, ANY_HOST, shared);
}

interface SharedDefault {
  readonly upstream: UpstreamId;
  readonly policy: RoutePolicy;
  readonly source: ObjectRef;
}

/** The first port of the Service the settings name. Without it nothing is routed, and the proxy's own 404 answers. */
function findSharedDefault(draft: Draft): SharedDefault | null {
  const key = draft.settings.defaultBackendService;
  if (key === '' || draft.snapshot.staticConfig !== null) return null;
  const [namespace = '', name = ''] = key.split('/');
  const source: ObjectRef = { kind: 'Service', namespace, name };
  const service = draft.snapshot.services.get(key);
  const port = service?.ports.find((candidate) => candidate.protocol === 'TCP');
  if (service === undefined || port === undefined) {
    const fault = service === undefined ? 'does not exist' : 'has no tcp port';
    const code = service === undefined ? 'reference-not-found' : 'port-not-found';
    warn(draft, code, source, '', `default backend service ${key} ${fault}; unknown paths are answered 404`);
    return null;
  }
  const upstream = addUpstream(draft, { namespace, service: name, port: port.port }, DEFAULT_BACKEND_TRANSPORT);
  return { upstream, policy: createIngressSettings().policy, source };
}

function addSharedDefault(draft: Draft, host: string, shared: SharedDefault): void {
  const transport = DEFAULT_BACKEND_TRANSPORT;
  addRoute(draft, { host, ...shared, transport, acceptsCanaries: false, sourceField: '' });
}

/** False when the Ingress has no default backend that can be served. */
function addOwnDefault(draft: Draft, host: string, ingress: AcceptedIngress): boolean {
  const backend = ingress.object.defaultBackend;
  if (backend === null) return false;
  const { ref: source, policy, transport, upstreamSettings } = ingress;
  const user = { ref: source, namespace: source.namespace, field: DEFAULT_BACKEND_FIELD, transport, upstreamSettings };
  const upstream = useBackend(draft, backend, user);
  if (upstream === null) return false;
  const sourceField = DEFAULT_BACKEND_FIELD;
  addRoute(draft, { host, upstream, transport, policy, source, acceptsCanaries: true, sourceField }, ingress);
  return true;
}

function addClosed(draft: Draft, host: string, owner: AcceptedIngress): void {
  draft.upstreams.set(CLOSED_UPSTREAM, {
    id: CLOSED_UPSTREAM,
    ...PLAIN_TRANSPORT,
    ...DEFAULT_UPSTREAM_POLICY,
    endpoints: [],
    backend: null,
    source: { kind: 'Settings', namespace: '', name: CLOSED_UPSTREAM },
  });
  const closed = { status: 404, reason: `host ${host} has no path that can be served` };
  addRoute(draft, {
    host,
    upstream: CLOSED_UPSTREAM,
    transport: DEFAULT_BACKEND_TRANSPORT,
    policy: { ...DEFAULT_ROUTE_POLICY, closed },
    source: owner.ref,
    acceptsCanaries: false,
    sourceField: 'spec.rules',
  });
}

type RouteLane = Pick<DraftRoute, 'lane' | 'laneAnswer'>;

const NO_LANE: RouteLane = { lane: null, laneAnswer: null };

function addRoute(
  draft: Draft,
  route: Omit<DraftRoute, 'path' | 'service' | 'canaries' | 'buckets' | 'honoursLane' | keyof RouteLane>,
  { lane, laneAnswer }: RouteLane = NO_LANE,
): void {
  draft.routes.set(toRouteId(route.host, EVERYTHING), {
    ...route,
    path: EVERYTHING,
    service: '',
    canaries: [],
    lane,
    laneAnswer,
    honoursLane: HONOURS_NONE,
    buckets: null,
  });
}
