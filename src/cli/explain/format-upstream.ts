/** What an upstream is set to, and its endpoints, a line each. Nothing is escaped yet. */
import { toEndpointId } from '../../model/proxy-config.ts';
import type { UpstreamLimits } from '../../model/upstream-policy.ts';
import type { ExplainedEndpoint } from './explain-request.ts';
import type {
  BackupExplanation,
  HashKeyExplanation,
  HealthCheckExplanation,
  UpstreamExplanation,
} from './explain-upstream.ts';

export function formatUpstream(upstream: UpstreamExplanation): readonly string[] {
  const { id, balancer, hashKey, limits, retryBudget, backup, healthCheck, endpoints } = upstream;
  const set = [
    hashKey === undefined ? '' : formatHashKey(hashKey),
    limits === undefined ? '' : formatLimits(limits),
    retryBudget === undefined
      ? ''
      : `retry budget ${retryBudget.percent} % of the requests, or ${retryBudget.perSecond} a second`,
    backup === undefined ? '' : formatBackup(backup),
    healthCheck === undefined ? '' : formatHealthCheck(healthCheck),
  ].filter((line) => line !== '');
  const lines = [...set, ...endpoints.map(formatEndpoint)].map((line) => `  ${line}`);
  return [`${id}, ${balancer}${endpoints.length === 0 ? ' (no endpoints)' : ''}`, ...lines];
}

function formatHashKey({ template, value, subsetSize, boundPercent }: HashKeyExplanation): string {
  const parts = [value === null ? `${template}, another for each request or unknown` : `${template} = "${value}"`];
  if (subsetSize !== undefined) parts.push(`subsets of ${subsetSize} endpoints`);
  if (boundPercent !== undefined) parts.push(`bound ${boundPercent} %`);
  return `hash key ${parts.join(', ')}`;
}

function formatLimits(limits: Partial<UpstreamLimits>): string {
  const { maxPending = 0, pendingTimeoutMs = 0 } = limits;
  const { maxConnections, maxConnectionsPerEndpoint, maxRequests, maxRequestsPerEndpoint } = limits;
  const parts = [
    count(maxConnections, 'connection'),
    count(maxConnectionsPerEndpoint, 'connection', ' an endpoint'),
    count(maxRequests, 'request'),
    count(maxRequestsPerEndpoint, 'request', ' an endpoint'),
  ].filter((part) => part !== '');
  const line = maxPending === 0 ? 'none waits' : `${maxPending} wait for at most ${pendingTimeoutMs} ms`;
  return `limits: ${parts.join(', ')}; ${line}`;
}

function count(number: number | undefined, what: string, of = ''): string {
  return number === undefined ? '' : `${number} ${what}${number === 1 ? '' : 's'}${of}`;
}

function formatBackup({ upstream, endpoints, takesOver }: BackupExplanation): string {
  return `backup ${upstream}, ${count(endpoints, 'endpoint')}${takesOver ? ', takes over now' : ''}`;
}

function formatHealthCheck({ kind, method, path, service, intervalMs }: HealthCheckExplanation): string {
  const asked = kind === 'http' ? [method, path] : kind === 'grpc' ? [service] : [];
  return ['health check', kind, ...asked.filter((part) => part !== ''), `every ${intervalMs} ms`].join(' ');
}

function formatEndpoint({ address, port, weight, healthy, reason = '' }: ExplainedEndpoint): string {
  const health = healthy === undefined || healthy === null ? '' : healthy ? ', healthy' : `, unhealthy: ${reason}`;
  return `${toEndpointId(address, port)}, weight ${weight}${health}`;
}
