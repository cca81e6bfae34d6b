/**
 * Which endpoint an attempt goes to: the one the session of the client wants, or whom the balancer picks, as far as the
 * limits of the upstream allow. Hot.
 */
import { NONE_TRIED } from '../balancer/balancer.ts';
import type { Endpoint } from '../balancer/endpoint.ts';
import type { Upstream } from '../balancer/upstream.ts';
import type { UpstreamLimits } from '../model/upstream-policy.ts';
import type { Exchange } from './exchange.ts';
import { BODY_NONE } from './http1/request-head.ts';
import { mayRetry } from './retry.ts';
import { handOver, successorOf } from './takeover.ts';
import type { UpstreamTransport } from './upstream-transport.ts';

/** How often the balancer is asked for another endpoint before all are looked at in turn. */
const MAX_PICKS = 4;

/** Null: there is no endpoint, or none with room for this request now. */
export function findEndpoint(exchange: Exchange): Endpoint | null {
  const { tries } = exchange;
  const { traffic } = exchange.upstream;
  const failed = tries === null ? NONE_TRIED : tries.failed;
  const { admission } = traffic;
  if (admission === null) return choose(exchange, null, failed);
  // A retry has had its turn; whoever comes new must not overtake those that wait.
  if (tries === null && !admission.isTurnOf(exchange.place)) return null;
  const { maxRequests } = admission.limits;
  if (maxRequests !== 0 && traffic.inFlight >= maxRequests) return null;
  return chooseWithRoom(exchange, admission.limits, failed);
}

/** Where there is no endpoint left, another upstream takes over. @returns whether one did */
export function leaveEmpty(exchange: Exchange): boolean {
  const successor = exchange.upstream.hasEndpoints ? null : successorOf(exchange);
  if (successor === null) return false;
  handOver(exchange, successor);
  return true;
}

/** Null only without endpoints. */
function choose(exchange: Exchange, limits: UpstreamLimits | null, tried: readonly Endpoint[]): Endpoint | null {
  const { session, target, upstream, hashKey } = exchange;
  const trial = upstream.trialsDue > 0 && tried.length === 0 ? takeTrial(exchange, limits) : null;
  if (trial !== null) return trial;
  // Who takes over knows nothing of sessions.
  if (session === null || upstream !== target.upstream) return upstream.pick(hashKey, tried);
  return session.choose(target, hashKey, tried, exchange.tries?.failed ?? NONE_TRIED);
}

function takeTrial(exchange: Exchange, limits: UpstreamLimits | null): Endpoint | null {
  const { upstream } = exchange;
  const isRoom = limits === null ? undefined : (endpoint: Endpoint) => hasRoom(upstream, limits, endpoint);
  return upstream.takeTrial(isRepeatable(exchange), isRoom);
}

/**
 * Whether another endpoint could take it if this one never answers, and nobody minds where it goes: clients that are bound
 * to an endpoint come last. A body might not fit into what is kept of it.
 */
function isRepeatable({ route, method, body, session }: Exchange): boolean {
  const { policy } = route;
  if (policy.retryAttempts === 1 || body !== BODY_NONE || session?.hasCookie === true) return false;
  return mayRetry(policy, method, 'timeout', true);
}

/** As the balancer wants it, around the full ones; those that failed the request are no way out. */
function chooseWithRoom(exchange: Exchange, limits: UpstreamLimits, failed: readonly Endpoint[]): Endpoint | null {
  const { upstream } = exchange;
  const first = choose(exchange, limits, failed);
  if (first === null || hasRoom(upstream, limits, first)) return first;
  const passed = [...failed, first];
  for (let picks = 1; picks < MAX_PICKS; picks++) {
    const other = choose(exchange, limits, passed);
    if (other === null || passed.includes(other)) return null;
    if (hasRoom(upstream, limits, other)) return other;
    passed.push(other);
  }
  const mayConnect = mayOpenAnother(upstream, limits);
  return upstream.available.find((one) => !passed.includes(one) && fits(limits, one, mayConnect)) ?? null;
}

function hasRoom(upstream: Upstream, limits: UpstreamLimits, endpoint: Endpoint): boolean {
  return fits(limits, endpoint, false) || (fits(limits, endpoint, true) && mayOpenAnother(upstream, limits));
}

/** @param mayConnect whether the upstream may have one more connection */
function fits(limits: UpstreamLimits, { inFlight, transport }: Endpoint, mayConnect: boolean): boolean {
  const { maxConnections, maxConnectionsPerEndpoint, maxRequestsPerEndpoint } = limits;
  if (maxRequestsPerEndpoint !== 0 && inFlight >= maxRequestsPerEndpoint) return false;
  if (maxConnections === 0 && maxConnectionsPerEndpoint === 0) return true;
  const connections = transport as UpstreamTransport;
  if (connections.hasRoom) return true;
  return mayConnect && (maxConnectionsPerEndpoint === 0 || connections.openCount < maxConnectionsPerEndpoint);
}

/** Looks at every endpoint. */
function mayOpenAnother(upstream: Upstream, { maxConnections }: UpstreamLimits): boolean {
  return maxConnections === 0 || countConnections(upstream) < maxConnections;
}

/** Idle ones to endpoints that take no requests now do not count: they would keep the others out until they time out. */
function countConnections({ endpoints, available }: Upstream): number {
  let count = 0;
  for (const { transport } of endpoints) count += (transport?.openCount ?? 0) - (transport?.idleCount ?? 0);
  for (const { transport } of available) count += transport?.idleCount ?? 0;
  return count;
}
