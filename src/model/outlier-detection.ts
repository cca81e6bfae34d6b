/** Passive health: what ordinary requests tell of endpoints, when one is taken out for it, and how it comes back. */

/** Why an endpoint is ejected; logs and metrics say it in these words. */
export const EJECTION_REASONS = ['connect-failures', 'gateway-failures', 'server-errors', 'success-rate'] as const;

export type EjectionReason = (typeof EJECTION_REASONS)[number];

export interface OutlierDetectionConfig {
  /** Connections in a row that could not be opened; 0 = never for that. */
  readonly connectFailures: number;
  /** Attempts in a row without an answer: no connection, silence, a connection that broke. 0 = never for that. */
  readonly gatewayFailures: number;
  /** Failures in a row, answers with a status of 500 or above included. 0 = never for that. */
  readonly serverErrors: number;
  /**
   * Percentage points that the share of requests an endpoint answers well may lie below that of the others together, over
   * one interval; 0 = never for that. Chance must be ruled out as well.
   */
  readonly successRateGap: number;
  /** An endpoint with fewer requests in an interval, in one worker, is not judged by its share. */
  readonly successRateRequests: number;
  readonly intervalMs: number;
  /** How long an endpoint is ejected the first time; each time it fails again, twice as long. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** Of the endpoints that may take requests; one of two or more may always be ejected, and never the last. */
  readonly maxEjectedPercent: number;
}

export interface SlowStartConfig {
  /** From the first request to the full share. */
  readonly windowMs: number;
  /** Share in percent to begin with, 5 to 100. */
  readonly minPercent: number;
}

/**
 * Without a word from anybody. An endpoint that cannot be connected to has not seen the request, so passing it over for a
 * moment changes no meaning, and spares others the wait: see ADR 0027.
 */
export const CONNECT_FAILURES_ONLY: OutlierDetectionConfig = {
  connectFailures: 3,
  gatewayFailures: 0,
  serverErrors: 0,
  successRateGap: 0,
  successRateRequests: 50,
  intervalMs: 10_000,
  baseEjectionMs: 5_000,
  maxEjectionMs: 30_000,
  maxEjectedPercent: 50,
};

/** Where it is switched on. */
export const DEFAULT_OUTLIER_DETECTION: OutlierDetectionConfig = {
  connectFailures: 3,
  gatewayFailures: 5,
  serverErrors: 5,
  successRateGap: 30,
  successRateRequests: 50,
  intervalMs: 10_000,
  baseEjectionMs: 10_000,
  maxEjectionMs: 300_000,
  maxEjectedPercent: 50,
};

export const DEFAULT_SLOW_START_PERCENT = 10;
