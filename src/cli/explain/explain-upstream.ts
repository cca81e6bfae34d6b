/**
 * What an upstream is set to do with a request, as far as anything is set. Copied field by field: its configuration holds
 * keys and credentials, which must not get out.
 */
import { HashKey } from '../../live/hash-key.ts';
import type { HealthCheckConfig } from '../../model/health-check.ts';
import { parseKeyTemplate } from '../../model/key-template.ts';
import type { UpstreamConfig, UpstreamId } from '../../model/proxy-config.ts';
import {
  DEFAULT_UPSTREAM_POLICY,
  type HashingConfig,
  type RetryBudgetConfig,
  type UpstreamLimits,
} from '../../model/upstream-policy.ts';
import type { ExplainedEndpoint, ExplainedUpstream } from './explain-request.ts';
import type { SplitShare } from './explain-split.ts';
import type { ExplainedRequest } from './explained-request.ts';
import { toKnownUpstream } from './known-upstream.ts';

/** What is absent is not set, or has no effect. */
export interface UpstreamExplanation extends Pick<UpstreamConfig, 'id' | 'balancer' | 'backend'> {
  readonly hashKey?: HashKeyExplanation;
  /** Of the whole process. */
  readonly limits?: Partial<UpstreamLimits>;
  readonly retryBudget?: RetryBudgetConfig;
  readonly backup?: BackupExplanation;
  readonly healthCheck?: HealthCheckExplanation;
  readonly endpoints: readonly ExplainedEndpoint[];
}

export interface HashKeyExplanation {
  readonly template: string;
  /** What the request makes of it; null = another each time, or nobody can know. */
  readonly value: string | null;
  readonly subsetSize?: number;
  readonly boundPercent?: number;
}

export interface BackupExplanation {
  readonly upstream: UpstreamId;
  /** How many it has that take requests. */
  readonly endpoints: number;
  /** The request goes there at once. */
  readonly takesOver: boolean;
}

/** The headers it sends may be credentials. */
export type HealthCheckExplanation = Pick<HealthCheckConfig, 'kind' | 'method' | 'path' | 'service' | 'intervalMs'>;

/** Variables that only a connection or the proxy can fill. */
const UNKNOWABLE: ReadonlySet<string> = new Set(['remote_port', 'req_id', 'request_id']);

/** @param all where its backup, and whoever takes over before it, are found */
export function explainUpstream(
  upstream: ExplainedUpstream,
  request: ExplainedRequest,
  all: readonly ExplainedUpstream[],
  share: SplitShare | null,
): UpstreamExplanation {
  const { id, balancer, backend, hashing, healthCheck, endpoints } = upstream;
  const limits = upstream.limits === undefined ? null : limitsInForce(upstream.limits);
  const retryBudget = ownBudget(upstream.retryBudget);
  const backup = explainBackup(upstream, all, share);
  return {
    id,
    balancer,
    backend,
    ...(hashing ? { hashKey: explainHashKey(hashing, request) } : {}),
    ...(limits === null ? {} : { limits }),
    ...(retryBudget === null ? {} : { retryBudget }),
    ...(backup === null ? {} : { backup }),
    ...(healthCheck ? { healthCheck: toHealthCheck(healthCheck) } : {}),
    endpoints,
  };
}

/** Whether its backup takes what it cannot: the same questions that the data plane asks. */
export function backupTakesOver(upstream: ExplainedUpstream, all: readonly ExplainedUpstream[]): boolean {
  const backup = all.find(({ id }) => id === upstream.backup);
  if (backup === undefined) return false;
  const own = toKnownUpstream(upstream);
  const other = toKnownUpstream(backup);
  return own.hasEndpoints ? !own.hasHealthy && other.hasHealthy : other.hasEndpoints;
}

function explainHashKey({ keyTemplate, subsetSize, boundPercent }: HashingConfig, request: ExplainedRequest) {
  return {
    template: keyTemplate,
    value: keyOf(keyTemplate, request),
    ...(subsetSize === 0 ? {} : { subsetSize }),
    ...(boundPercent === 0 ? {} : { boundPercent }),
  };
}

function keyOf(template: string, request: ExplainedRequest): string | null {
  const parsed = parseKeyTemplate(template);
  if ('problem' in parsed) return null;
  if (parsed.parts.some((part) => part.kind === 'variable' && UNKNOWABLE.has(part.name))) return null;
  const { scheme, host, authority, port, query, clientIp } = request;
  const path = request.normalisedPath ?? request.path;
  const head = { ...request, target: path + query, pathEnd: path.length, host: authority };
  const client = { clientIp, secure: scheme === 'https', port, routingHost: host, addresses: null, told: null };
  return new HashKey(template).textOf(head, client, '');
}

/** Null = unlimited, so that nobody waits either. */
function limitsInForce({ maxPending, pendingTimeoutMs, ...limits }: UpstreamLimits): Partial<UpstreamLimits> | null {
  const set = Object.entries(limits).filter(([, limit]) => limit > 0);
  if (set.length === 0) return null;
  return { ...Object.fromEntries(set), maxPending, ...(maxPending === 0 ? {} : { pendingTimeoutMs }) };
}

function ownBudget(budget: RetryBudgetConfig | undefined): RetryBudgetConfig | null {
  if (budget === undefined) return null;
  const usual = DEFAULT_UPSTREAM_POLICY.retryBudget;
  const { percent, perSecond } = budget;
  return percent === usual.percent && perSecond === usual.perSecond ? null : { percent, perSecond };
}

function explainBackup(
  upstream: ExplainedUpstream,
  all: readonly ExplainedUpstream[],
  share: SplitShare | null,
): BackupExplanation | null {
  const { backup = null } = upstream;
  if (backup === null) return null;
  const endpoints = all.find(({ id }) => id === backup)?.endpoints.filter(({ weight }) => weight > 0) ?? [];
  const takesOver = share !== null && !hasStable(share, all) && backupTakesOver(upstream, all);
  return { upstream: backup, endpoints: endpoints.length, takesOver };
}

/** The main upstream takes over from a canary before any backup does. */
function hasStable({ fallback }: SplitShare, all: readonly ExplainedUpstream[]): boolean {
  return all.some((upstream) => upstream.id === fallback && toKnownUpstream(upstream).hasHealthy);
}

function toHealthCheck({ kind, method, path, service, intervalMs }: HealthCheckExplanation): HealthCheckExplanation {
  return { kind, method, path, service, intervalMs };
}
