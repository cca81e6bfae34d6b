/** Answers "which route, split and upstream take this request, and why": pure, over a configuration and what is known of health. */
import type { ObjectRef } from '../../model/object-ref.ts';
import type { Problem } from '../../model/problem.ts';
import type {
  EndpointAddress,
  ListenerConfig,
  RouteConfig,
  UpstreamConfig,
  UpstreamId,
} from '../../model/proxy-config.ts';
import { buildRouteTable } from '../../router/build-route-table.ts';
import { explainRoutes, type RouteVerdict } from './explain-routes.ts';
import { ExplainedSession, type SessionExplanation } from './explain-session.ts';
import { explainSplit, type SplitExplanation, type SplitShare } from './explain-split.ts';
import {
  backupTakesOver,
  explainUpstream,
  type HealthCheckExplanation,
  type UpstreamExplanation,
} from './explain-upstream.ts';
import { type ExplainedRequest, type RequestToExplain, toExplainedRequest } from './explained-request.ts';

/** A `ProxyConfig`, or what `/debug/config` shows of one. */
export interface ExplainedConfig {
  readonly listeners: readonly Pick<ListenerConfig, 'name' | 'protocol'>[];
  readonly routes: readonly RouteConfig[];
  readonly upstreams: readonly ExplainedUpstream[];
  readonly problems: readonly Problem[];
}

/** What is absent is not told by the process that was asked. */
export interface ExplainedUpstream
  extends Pick<UpstreamConfig, 'id' | 'balancer' | 'backend'>,
    Partial<Pick<UpstreamConfig, 'hashing' | 'limits' | 'retryBudget' | 'backup' | 'panicThreshold'>> {
  readonly healthCheck?: HealthCheckExplanation | null;
  readonly endpoints: readonly ExplainedEndpoint[];
}

/** Health is known only for a running process. */
export interface ExplainedEndpoint extends EndpointAddress {
  readonly healthy?: boolean | null;
  readonly reason?: string;
}

export interface HostExplanation {
  /** Of the routes that are consulted; empty = routes for any host; null = nothing serves the host. */
  readonly matched: string | null;
  readonly reason: string;
}

/** What sluice answers by itself, without an upstream. */
export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
}

export interface Explanation {
  readonly request: Pick<ExplainedRequest, 'method' | 'scheme' | 'host' | 'path' | 'normalisedPath' | 'query'>;
  readonly host: HostExplanation;
  /** The one that takes the request. */
  readonly route: RouteConfig | null;
  /** Of the host, the winner first. */
  readonly verdicts: readonly RouteVerdict[];
  readonly answer: OwnAnswer | null;
  /** Null when no upstream is asked. */
  readonly split: SplitExplanation | null;
  /** Null where the route binds nobody to an endpoint, or no upstream is asked. */
  readonly session: SessionExplanation | null;
  /** Those of the split. */
  readonly upstreams: readonly UpstreamExplanation[];
  /** Attached to the objects the route and its canaries come from. */
  readonly problems: readonly Problem[];
}

export function explainRequest(config: ExplainedConfig, toExplain: RequestToExplain): Explanation {
  const request = toExplainedRequest(toExplain);
  const { method, scheme, host, path, normalisedPath, query } = request;
  const shown = { method, scheme, host, path, normalisedPath, query };
  const served = config.routes.filter((route) => isServedOn(route, scheme, config.listeners));
  const table = buildRouteTable(
    served.map((route) => ({ host: route.host, path: route.path, conditions: route.conditions, payload: route })),
  );
  const matchedHost = table.hostFor(host);
  const hostExplanation = { matched: matchedHost, reason: explainHost(matchedHost, host) };
  const nothing = {
    request: shown,
    host: hostExplanation,
    route: null,
    split: null,
    session: null,
    upstreams: [],
    problems: [],
  };
  if (normalisedPath === null) {
    const reason = 'the path is refused: malformed escapes, %00, or dot segments that lead above the root';
    return { ...nothing, verdicts: [], answer: { status: 400, reason } };
  }
  const route = table.match(host, normalisedPath, normalisedPath.length, request);
  const candidates = config.routes.filter((each) => each.host === matchedHost);
  const verdicts = explainRoutes(candidates, route, request, normalisedPath);
  if (route === null) return { ...nothing, verdicts, answer: { status: 404, reason: 'no route takes it' } };

  const upstreams = involvedUpstreams(route, config.upstreams);
  const tell = (shares: readonly SplitShare[]) => explainUpstreams(upstreams, request, config.upstreams, shares);
  const problems = config.problems.filter((problem) =>
    involvedSources(route).some((ref) => sameRef(ref, problem.source)),
  );
  const found = { request: shown, host: hostExplanation, route, verdicts, problems };
  const answer = ownAnswer(route, request, normalisedPath);
  if (answer !== null) return { ...found, answer, split: null, session: null, upstreams: tell([]) };
  const { affinity } = route.policy;
  const session = affinity === null ? null : new ExplainedSession(affinity, route, request, upstreams);
  const split = explainSplit(route.split, request, (id) => hasEndpoints(id, upstreams), session?.belongsTo ?? null);
  const unavailable = split.shares.every((share) => isUnanswered(share, config.upstreams));
  return {
    ...found,
    answer: unavailable ? { status: 503, reason: 'no endpoints' } : null,
    split,
    session: session?.explain(split.shares) ?? null,
    upstreams: tell(split.shares),
  };
}

function isUnanswered(share: SplitShare, all: readonly ExplainedUpstream[]): boolean {
  if (share.hasEndpoints) return false;
  return !all.some((upstream) => upstream.id === share.upstream && backupTakesOver(upstream, all));
}

function explainUpstreams(
  upstreams: readonly ExplainedUpstream[],
  request: ExplainedRequest,
  all: readonly ExplainedUpstream[],
  shares: readonly SplitShare[],
): readonly UpstreamExplanation[] {
  return upstreams.map((upstream) => {
    return explainUpstream(upstream, request, all, shares.find((share) => share.upstream === upstream.id) ?? null);
  });
}

function isServedOn(route: RouteConfig, scheme: string, listeners: ExplainedConfig['listeners']): boolean {
  if (route.listeners === null) return true;
  return listeners.some(({ name, protocol }) => protocol === scheme && route.listeners?.includes(name) === true);
}

function explainHost(matched: string | null, host: string): string {
  if (matched === null) return 'no route is for this host, no wildcard covers it, and no route is for any host';
  if (matched === '') return 'no route names this host, so the routes for any host are consulted';
  const rest = 'routes of other hosts are not consulted, even if none of these matches';
  return matched === host ? `has routes of its own; ${rest}` : `covered by ${matched}; ${rest}`;
}

/** What the proxy answers before it asks an upstream. */
function ownAnswer(route: RouteConfig, request: ExplainedRequest, path: string): OwnAnswer | null {
  const { closed, redirectMissingSlash } = route.policy;
  const safe = request.method === 'GET' || request.method === 'HEAD';
  if (redirectMissingSlash && safe && `${path}/` === route.path.value) {
    return { status: 301, reason: `redirect to ${route.path.value}${request.query}` };
  }
  if (closed !== null) return { status: closed.status, reason: `the route is closed: ${closed.reason}` };
  return null;
}

function involvedUpstreams(route: RouteConfig, all: readonly ExplainedUpstream[]): readonly ExplainedUpstream[] {
  const ids = new Set([...route.split.members, ...route.split.canaries].map(({ upstream }) => upstream));
  return all.filter(({ id }) => ids.has(id));
}

/** Health does not matter here: with all of them unhealthy, all of them are tried. */
function hasEndpoints(id: UpstreamId, upstreams: readonly ExplainedUpstream[]): boolean {
  return upstreams.some((upstream) => upstream.id === id && upstream.endpoints.some(({ weight }) => weight > 0));
}

function involvedSources(route: RouteConfig): readonly ObjectRef[] {
  return [route.source, ...route.split.canaries.map(({ source }) => source)];
}

function sameRef(a: ObjectRef, b: ObjectRef): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
}
