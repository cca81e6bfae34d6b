/** What the requests of one upstream may do, and what was counted of them, as far as it concerns no single endpoint. */
import { RETRY_CONDITIONS, type RetryCondition } from '../model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY, type UpstreamLimits, type UpstreamPolicy } from '../model/upstream-policy.ts';
import { Admission } from './admission.ts';
import { RetryBudget } from './retry-budget.ts';

/** Why a request was sent again. `stale`: an idle connection turned out to be closed. */
export type RetryReason = RetryCondition | 'stale';

const REASONS: readonly RetryReason[] = [...RETRY_CONDITIONS, 'stale'];

/** Plain numbers, read at scrape time. */
export class UpstreamTraffic {
  readonly budget: RetryBudget;
  /** Null as long as there have been no limits. */
  admission: Admission | null;
  /** Attempts under way, those to endpoints that were removed included. */
  inFlight: number;
  /** Retries that were due and safe, and did not take place because the budget was spent. */
  budgetExhausted: number;
  /** Requests that went on to the backup. */
  backupRequests: number;
  /** By place in `REASONS`; as long as needed, because most upstreams of a large cluster never get there. */
  readonly #retries: number[];

  constructor() {
    const { percent, perSecond } = DEFAULT_UPSTREAM_POLICY.retryBudget;
    this.budget = new RetryBudget(percent, perSecond);
    this.admission = null;
    this.inFlight = 0;
    this.budgetExhausted = 0;
    this.backupRequests = 0;
    this.#retries = [];
  }

  /** @param workers among whom the limits are shared */
  use({ retryBudget, limits }: UpstreamPolicy, workers: number): void {
    this.budget.percent = retryBudget.percent;
    this.budget.perSecond = retryBudget.perSecond;
    if (this.admission !== null) this.admission.limits = shareOf(limits, workers);
    else if (isLimited(limits)) this.admission = new Admission(shareOf(limits, workers));
  }

  countRetry(reason: RetryReason): void {
    const at = REASONS.indexOf(reason);
    this.#retries[at] = (this.#retries[at] ?? 0) + 1;
  }

  /** Cold. Reasons that have not occurred are left out. */
  get retries(): Readonly<Record<string, number>> {
    const counts = REASONS.map((reason, at) => [reason, this.#retries[at] ?? 0] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }
}

function isLimited(limits: UpstreamLimits): boolean {
  const { maxConnections, maxRequests, maxConnectionsPerEndpoint, maxRequestsPerEndpoint } = limits;
  return maxConnections + maxRequests + maxConnectionsPerEndpoint + maxRequestsPerEndpoint > 0;
}

/** Rounded up: a limit below the number of workers must not shut one of them out. */
function shareOf(limits: UpstreamLimits, workers: number): UpstreamLimits {
  return {
    maxConnections: Math.ceil(limits.maxConnections / workers),
    maxRequests: Math.ceil(limits.maxRequests / workers),
    maxConnectionsPerEndpoint: Math.ceil(limits.maxConnectionsPerEndpoint / workers),
    maxRequestsPerEndpoint: Math.ceil(limits.maxRequestsPerEndpoint / workers),
    maxPending: Math.ceil(limits.maxPending / workers),
    pendingTimeoutMs: limits.pendingTimeoutMs,
  };
}
