/** What is counted and logged of an exchange that has ended. Hot. */
import type { Exchange } from './exchange.ts';
import type { RequestFactsForLog } from './exchange-request.ts';
import { isUpstreamFault, type Outcome } from './outcome.ts';
import { countForRelease } from './release-count.ts';

export function settle(exchange: Exchange, outcome: Outcome, nowMs: number): void {
  const { stats } = exchange.route;
  const { counts } = exchange.target;
  const durationMs = nowMs - exchange.startMs;
  if (exchange.status === 499) stats.clientAborts++;
  else {
    const statusClass = Math.floor(exchange.status / 100) - 1;
    stats.statusClasses[statusClass] = (stats.statusClasses[statusClass] as number) + 1;
  }
  // An answer that was cut short, or fell silent, has the status it began with.
  if (exchange.status >= 500 || exchange.fellBack || isUpstreamFault(outcome)) exchange.target.stats.failures++;
  stats.requestBytes += exchange.requestBytes;
  stats.responseBytes += exchange.responseBytes;
  stats.countDuration(durationMs);
  if (counts !== null) countForRelease(exchange, counts, durationMs, outcome);
  if (exchange.logFacts !== null) log(exchange, exchange.logFacts, durationMs, outcome);
}

function log(exchange: Exchange, facts: RequestFactsForLog, durationMs: number, outcome: Outcome): void {
  exchange.worker.onAccess?.({
    timeMs: facts.timeMs,
    clientIp: facts.clientIp,
    method: exchange.method,
    host: facts.host,
    target: facts.target,
    protocol: facts.protocol,
    status: exchange.status,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    durationMs,
    upstreamMs: exchange.upstreamMs,
    routeId: exchange.route.id,
    upstreamId: exchange.upstream.id,
    endpointId: exchange.endpoint?.id ?? '',
    canary: exchange.target.stats.canary,
    split: facts.split,
    bucket: facts.bucket,
    fallback: exchange.fellBack,
    backup: exchange.onBackup,
    attempts: exchange.attempts,
    userAgent: facts.userAgent,
    referer: facts.referer,
    requestId: exchange.requestId,
    outcome,
  });
}
