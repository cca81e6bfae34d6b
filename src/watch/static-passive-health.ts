/** `outlierDetection` and `slowStart` of an upstream in the static configuration file: their shape, and what they become. */
import { z } from 'zod';
import {
  DEFAULT_OUTLIER_DETECTION,
  DEFAULT_SLOW_START_PERCENT,
  type OutlierDetectionConfig,
  type SlowStartConfig,
} from '../model/outlier-detection.ts';
import { parseDurationMs } from './quantity.ts';
import { duration, integer, map } from './static-schema-parts.ts';

export interface OutlierDetectionEntry {
  readonly enabled?: boolean | undefined;
  readonly connectFailures?: number | undefined;
  readonly gatewayFailures?: number | undefined;
  readonly serverErrors?: number | undefined;
  readonly successRateGap?: number | undefined;
  readonly successRateRequests?: number | undefined;
  readonly interval?: string | undefined;
  readonly baseEjectionTime?: string | undefined;
  readonly maxEjectionTime?: string | undefined;
  readonly maxEjectedPercent?: number | undefined;
}

export interface SlowStartEntry {
  readonly window: string;
  readonly minPercent?: number | undefined;
}

const streak = (): z.ZodInt => integer(0, 1_000);

export const outlierDetectionSchema: z.ZodType<OutlierDetectionEntry> = map({
  enabled: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('False: no endpoint is ejected for what it answers. Default: true.'),
  connectFailures: streak()
    .optional()
    .describe('Connections in a row that could not be opened until an endpoint is ejected; 0 = never. Default: 3.'),
  gatewayFailures: streak()
    .optional()
    .describe(
      'Attempts in a row without an answer (no connection, silence, a connection that broke) until an endpoint is ejected; 0 = never. Default: 5.',
    ),
  serverErrors: streak()
    .optional()
    .describe(
      'Failures in a row, answers with a status of 500 or above included, until an endpoint is ejected; 0 = never. Default: 5.',
    ),
  successRateGap: integer(0, 100)
    .optional()
    .describe(
      'Percentage points that the share of requests an endpoint answers well may lie below that of the others; 0 = any number. Default: 30.',
    ),
  successRateRequests: integer(1, 1_000_000)
    .optional()
    .describe('Requests in an interval, in each worker, below which that share is not judged. Default: 50.'),
  interval: duration.optional().describe('Time over which shares are compared. Default: `10s`.'),
  baseEjectionTime: duration
    .optional()
    .describe(
      'How long an endpoint is ejected the first time; each time it fails again, twice as long. Default: `10s`.',
    ),
  maxEjectionTime: duration.optional().describe('Longest time of one ejection. Default: `5m`.'),
  maxEjectedPercent: integer(0, 100)
    .optional()
    .describe('Share of the endpoints that may be ejected at once; one of several always may. Default: 50.'),
});

export const slowStartSchema: z.ZodType<SlowStartEntry> = map({
  window: duration.describe('Time until a new or returning endpoint has its full share of the requests.'),
  minPercent: integer(5, 100).optional().describe('Share to begin with, in percent. Default: 10.'),
});

/** @param absent what counts where the file has no `outlierDetection` */
export function toOutlierDetection(
  entry: OutlierDetectionEntry | undefined,
  absent: OutlierDetectionConfig | null,
): OutlierDetectionConfig | null {
  if (entry === undefined) return absent;
  if (entry.enabled === false) return null;
  const base = DEFAULT_OUTLIER_DETECTION;
  const baseEjectionMs = toMs(entry.baseEjectionTime) ?? base.baseEjectionMs;
  return {
    connectFailures: entry.connectFailures ?? base.connectFailures,
    gatewayFailures: entry.gatewayFailures ?? base.gatewayFailures,
    serverErrors: entry.serverErrors ?? base.serverErrors,
    successRateGap: entry.successRateGap ?? base.successRateGap,
    successRateRequests: entry.successRateRequests ?? base.successRateRequests,
    intervalMs: toMs(entry.interval) ?? base.intervalMs,
    baseEjectionMs,
    maxEjectionMs: toMs(entry.maxEjectionTime) ?? Math.max(base.maxEjectionMs, baseEjectionMs),
    maxEjectedPercent: entry.maxEjectedPercent ?? base.maxEjectedPercent,
  };
}

export function toSlowStart(entry: SlowStartEntry | undefined): SlowStartConfig | null {
  const windowMs = toMs(entry?.window);
  if (entry === undefined || windowMs === null) return null;
  return { windowMs, minPercent: entry.minPercent ?? DEFAULT_SLOW_START_PERCENT };
}

function toMs(text: string | undefined): number | null {
  return text === undefined ? null : parseDurationMs(text);
}
