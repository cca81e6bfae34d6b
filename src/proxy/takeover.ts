/**
 * Who takes a request over where its upstream fails: the main upstream what was meant for a canary, and a backup what no
 * endpoint of its upstream can answer. Whether the request may be sent again is judged in `retry.ts`.
 */
import type { Upstream } from '../balancer/upstream.ts';
import type { SplitTarget } from '../live/live-split.ts';
import type { Exchange } from './exchange.ts';

/** Null = nobody can. */
export function successorOf(exchange: Exchange): Upstream | null {
  return stableOf(exchange)?.upstream ?? backupOf(exchange);
}

/** The main upstream of the split, for a request that a canary has failed on; null = it must not, or cannot, take over. */
export function stableOf({ route, target, upstream, splitReason }: Exchange): SplitTarget | null {
  const { fallback } = target;
  if (fallback === 'never' || upstream !== target.upstream) return null;
  // Whoever asks for the canary wants to see what it does.
  if (fallback === 'weight' && splitReason !== 'weight' && splitReason !== 'session') return null;
  const { stable } = route.split;
  return stable !== null && stable.upstream !== upstream && stable.upstream.hasHealthy ? stable : null;
}

function backupOf({ upstream, target, onBackup }: Exchange): Upstream | null {
  const { backup } = upstream;
  // A backup has no backup: two upstreams may name each other.
  if (onBackup || backup === null || !backup.hasEndpoints) return null;
  // It may be the canary that has just failed.
  return backup === target.upstream ? null : backup;
}

/** What is not known to have a healthy endpoint is not asked where somebody better can be. */
export function leaveUnhealthy(exchange: Exchange): void {
  const stable = stableOf(exchange);
  const { backup } = exchange.upstream;
  if (stable !== null) {
    exchange.attemptFailed = true;
    fallBack(exchange, stable);
  } else if (backup?.hasHealthy === true) turnToBackup(exchange, backup);
}

/** @param successor `successorOf` */
export function handOver(exchange: Exchange, successor: Upstream): void {
  const stable = stableOf(exchange);
  if (successor === stable?.upstream) fallBack(exchange, stable);
  else turnToBackup(exchange, successor);
}

function fallBack(exchange: Exchange, stable: SplitTarget): void {
  const { target, worker } = exchange;
  exchange.fellBack = true;
  target.stats.fallbacks++;
  // A key of the canary may be nobody's there: all such requests would meet at one endpoint.
  if (stable.hashKey?.template !== target.hashKey?.template) exchange.hashKey = worker.draw();
  if (exchange.lane !== null) exchange.requestText = exchange.lane.rewrite(exchange.requestText, stable.lane);
  beginAnew(exchange, stable.upstream);
}

function turnToBackup(exchange: Exchange, backup: Upstream): void {
  exchange.onBackup = true;
  exchange.upstream.traffic.backupRequests++;
  beginAnew(exchange, backup);
}

/** The endpoints are new to the request, and so are the tries it has there. It comes as one that began there would. */
function beginAnew(exchange: Exchange, upstream: Upstream): void {
  const { tries, worker } = exchange;
  upstream.traffic.budget.countRequest(worker.clock.nowMs);
  exchange.upstream = upstream;
  if (tries === null) return;
  tries.attemptsBefore = exchange.attempts;
  tries.failed.length = 0;
}
