/**
 * Passive health of one upstream in one worker: counts how attempts end, ejects endpoints that fail while others do not,
 * and lets them return by a single request that tries them. `record` is hot, everything else happens seldom.
 */
import type { EjectionReason, OutlierDetectionConfig } from '../model/outlier-detection.ts';
import type { EjectionChange } from '../model/proxy-config.ts';
import { AttemptResult, isFailure } from './attempt-result.ts';
import type { Endpoint } from './endpoint.ts';
import { EJECTED, IN_SERVICE, ON_TRIAL, PassiveHealth, TRIAL_DUE } from './passive-health.ts';
import { findOutliers } from './success-rate.ts';

/** A trial that takes longer than this holds up the return no more: another request may try the endpoint too. */
const TRIAL_PATIENCE_MS = 5_000;
/** How long a trial waits for a request that can be repeated elsewhere, before it takes any. */
const REPEATABLE_ONLY_MS = 1_000;
/** Times come from a clock that lags by up to its tick. */
const CLOCK_LAG_MS = 100;
/** Bounds the exponent; by then every ejection lasts the maximum. */
const MAX_LEVEL = 30;

/** Told what this detector has decided itself: for the balancer, and for the other workers. */
export type OnEjectionChange = (endpoint: Endpoint, change: EjectionChange) => void;

export class OutlierDetector {
  config: OutlierDetectionConfig;
  /** Endpoints that wait for a request that tries them. */
  trialsDue: number;
  readonly #onChange: OnEjectionChange;
  /** Those that take requests as far as health lets them. */
  #eligible: readonly Endpoint[];
  readonly #out: Set<Endpoint>;
  #intervalEndMs: number;

  constructor(config: OutlierDetectionConfig, onChange: OnEjectionChange) {
    this.config = config;
    this.trialsDue = 0;
    this.#onChange = onChange;
    this.#eligible = [];
    this.#out = new Set();
    this.#intervalEndMs = 0;
  }

  /** Whether there is something for `onTick` to do. */
  get waits(): boolean {
    return this.#out.size > 0;
  }

  /** The complete list, also after one has become healthy or unhealthy. */
  watch(eligible: readonly Endpoint[]): void {
    this.#eligible = eligible;
    for (const endpoint of this.#out) if (endpoint.removed) this.#out.delete(endpoint);
    this.#countTrials();
  }

  /** Hot. See `Upstream.record`. */
  record(endpoint: Endpoint, result: AttemptResult, durationMs: number, nowMs: number): void {
    const health = ownHealth(endpoint);
    if (health.phase !== IN_SERVICE) {
      this.#recordOutside(endpoint, result, nowMs - durationMs, nowMs);
      return;
    }
    if (result === AttemptResult.Neutral) return;
    health.requests++;
    if (result === AttemptResult.Ok) {
      health.successes++;
      health.forgetStreaks();
    } else this.#countFailure(endpoint, result, nowMs);
    if (nowMs >= this.#intervalEndMs) this.#endInterval(nowMs);
  }

  /**
   * The endpoint that the next request should try; null = none for this one.
   * @param repeatable whether the request can be sent to another endpoint if this one fails it
   * @param hasRoom whether an endpoint could take it now: a trial that is not made would hold up the next one
   */
  takeTrial(repeatable: boolean, hasRoom: (endpoint: Endpoint) => boolean, nowMs: number): Endpoint | null {
    for (const endpoint of this.#out) {
      const { passive } = endpoint;
      if (!this.#isTrialDue(endpoint)) continue;
      if (!repeatable && nowMs < passive.sinceMs + REPEATABLE_ONLY_MS) continue;
      if (!hasRoom(endpoint)) continue;
      passive.phase = ON_TRIAL;
      passive.sinceMs = nowMs;
      this.#countTrials();
      return endpoint;
    }
    return null;
  }

  onTick(nowMs: number): void {
    for (const { passive } of this.#out) {
      const isOver = passive.phase === EJECTED && nowMs >= passive.untilMs;
      const isStuck = passive.phase === ON_TRIAL && nowMs >= passive.sinceMs + TRIAL_PATIENCE_MS;
      if (!isOver && !isStuck) continue;
      passive.phase = TRIAL_DUE;
      passive.sinceMs = nowMs;
    }
    this.#countTrials();
  }

  /**
   * What another worker has decided. Nothing is reported about it; hearing it twice changes nothing.
   * @returns whether the endpoint was ejected or returned by it
   */
  adopt(endpoint: Endpoint, { reason, forMs, level }: EjectionChange, nowMs: number): boolean {
    const health = endpoint.passive;
    if (reason === null) return this.forgive(endpoint, nowMs);
    if (health.ejected && level <= health.level) return false;
    if (!health.ejected && !this.#mayEject(endpoint)) return false;
    const wasEjected = health.ejected;
    this.#putOut(endpoint, reason, nowMs + forMs, nowMs);
    endpoint.passive.level = level;
    return !wasEjected;
  }

  /** Back in service without a trial. @returns whether it was out */
  forgive(endpoint: Endpoint, nowMs: number): boolean {
    const health = endpoint.passive;
    if (!health.ejected) return false;
    health.phase = IN_SERVICE;
    health.reason = null;
    health.sinceMs = nowMs;
    this.#out.delete(endpoint);
    this.#countTrials();
    return true;
  }

  /** Detection is switched off. @returns whether any endpoint was out */
  forgiveAll(nowMs: number): boolean {
    const { waits } = this;
    for (const endpoint of this.#out) this.forgive(endpoint, nowMs);
    return waits;
  }

  #countFailure(endpoint: Endpoint, result: AttemptResult, nowMs: number): void {
    const health = endpoint.passive;
    health.connectFailures = result === AttemptResult.ConnectFailed ? health.connectFailures + 1 : 0;
    health.gatewayFailures = result === AttemptResult.ServerError ? 0 : health.gatewayFailures + 1;
    health.serverErrors++;
    const reason = reachedLimit(health, this.config);
    if (reason !== null && this.#mayEject(endpoint)) this.#eject(endpoint, reason, nowMs);
  }

  /**
   * Attempts that began before the present phase tell of the time before it. Those that began while it was ejected (health
   * is ignored when the upstream panics, and sessions may insist) can only speak for it.
   */
  #recordOutside(endpoint: Endpoint, result: AttemptResult, startedMs: number, nowMs: number): void {
    const health = endpoint.passive;
    const surelyFromMs = health.phase === EJECTED ? health.sinceMs + CLOCK_LAG_MS : health.sinceMs - CLOCK_LAG_MS;
    if (endpoint.removed || startedMs < surelyFromMs) return;
    if (result === AttemptResult.Neutral) {
      if (health.phase !== ON_TRIAL) return;
      health.phase = TRIAL_DUE;
      this.#countTrials();
    } else if (!isFault(result, this.config)) {
      this.forgive(endpoint, nowMs);
      this.#onChange(endpoint, toChange(endpoint, null, 0));
    } else if (health.phase !== EJECTED) this.#eject(endpoint, health.reason ?? 'gateway-failures', nowMs);
  }

  #eject(endpoint: Endpoint, reason: EjectionReason, nowMs: number): void {
    const { baseEjectionMs, maxEjectionMs } = this.config;
    const health = ownHealth(endpoint);
    // Good behaviour counts: each base time in service takes one ejection off the record.
    const redeemed = health.ejected ? 0 : Math.floor((nowMs - health.sinceMs) / baseEjectionMs);
    const level = Math.max(0, health.level - redeemed);
    const forMs = Math.min(baseEjectionMs * 2 ** level, maxEjectionMs);
    this.#putOut(endpoint, reason, nowMs + forMs, nowMs);
    health.level = Math.min(level + 1, MAX_LEVEL);
    health.ejections[reason]++;
    this.#onChange(endpoint, toChange(endpoint, reason, forMs));
  }

  #putOut(endpoint: Endpoint, reason: EjectionReason, untilMs: number, nowMs: number): void {
    const health = ownHealth(endpoint);
    health.phase = EJECTED;
    health.reason = reason;
    health.sinceMs = nowMs;
    health.untilMs = untilMs;
    health.forgetStreaks();
    health.forgetInterval();
    this.#out.add(endpoint);
    this.#countTrials();
  }

  /** The last one that serves never goes, and no more than the configured share. */
  #mayEject(endpoint: Endpoint): boolean {
    let out = 0;
    let others = 0;
    for (const each of this.#eligible) {
      if (each.passive.ejected) out++;
      else if (each.healthy && each !== endpoint) others++;
    }
    const limit = Math.max(1, Math.floor((this.#eligible.length * this.config.maxEjectedPercent) / 100));
    return !endpoint.removed && others > 0 && out < limit;
  }

  #endInterval(nowMs: number): void {
    const { intervalMs, successRateGap, successRateRequests } = this.config;
    this.#intervalEndMs = nowMs + intervalMs;
    const counts = this.#eligible.filter(({ passive }) => !passive.ejected).map((endpoint) => toCount(endpoint));
    for (const { passive } of this.#eligible) if (passive !== PassiveHealth.UNTOLD) passive.forgetInterval();
    if (successRateGap === 0) return;
    for (const { endpoint } of findOutliers(counts, successRateGap, successRateRequests)) {
      if (!this.#mayEject(endpoint)) return;
      this.#eject(endpoint, 'success-rate', nowMs);
    }
  }

  /** Where probes say it is unhealthy, they have to say the contrary first. */
  #isTrialDue(endpoint: Endpoint): boolean {
    return endpoint.passive.phase === TRIAL_DUE && endpoint.healthy && !endpoint.draining && endpoint.weight > 0;
  }

  #countTrials(): void {
    this.trialsDue = 0;
    for (const endpoint of this.#out) if (this.#isTrialDue(endpoint)) this.trialsDue++;
  }
}

/** Hot. What is written to. Endpoints of a large cluster are many, and those that get requests in one worker may be few. */
function ownHealth(endpoint: Endpoint): PassiveHealth {
  if (endpoint.passive === PassiveHealth.UNTOLD) endpoint.passive = new PassiveHealth();
  return endpoint.passive;
}

/** Whether the endpoint could be ejected for more of the same: what never ejects one must not keep it out either. */
function isFault(result: AttemptResult, config: OutlierDetectionConfig): boolean {
  if (config.serverErrors + config.successRateGap > 0) return isFailure(result);
  if (result === AttemptResult.ConnectFailed) return true;
  return config.gatewayFailures > 0 && (result === AttemptResult.Timeout || result === AttemptResult.Reset);
}

/** The narrowest first: it says most exactly what is wrong. */
function reachedLimit(health: PassiveHealth, config: OutlierDetectionConfig): EjectionReason | null {
  if (config.connectFailures !== 0 && health.connectFailures >= config.connectFailures) return 'connect-failures';
  if (config.gatewayFailures !== 0 && health.gatewayFailures >= config.gatewayFailures) return 'gateway-failures';
  if (config.serverErrors !== 0 && health.serverErrors >= config.serverErrors) return 'server-errors';
  return null;
}

function toCount(endpoint: Endpoint): { endpoint: Endpoint; requests: number; successes: number } {
  const { requests, successes } = endpoint.passive;
  return { endpoint, requests, successes };
}

function toChange(endpoint: Endpoint, reason: EjectionReason | null, forMs: number): EjectionChange {
  return { upstreamId: endpoint.upstreamId, endpointId: endpoint.id, reason, forMs, level: endpoint.passive.level };
}
