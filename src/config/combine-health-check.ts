/** What the `health-check*` annotations of one object come to together, and which of them change nothing. */
import { type BodyMatch, DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../model/health-check.ts';
import type { HealthCheckSettings } from './annotations/ingress-settings.ts';

export interface CombinedHealthCheck {
  /** Null = nothing switches checks on. */
  readonly check: HealthCheckConfig | null;
  /** Annotations without effect: key without prefix, and why. */
  readonly faults: readonly { readonly name: string; readonly message: string }[];
}

const KINDS_OF_HTTP = ['http', 'https'];
const KINDS_OF_REQUESTS = ['http', 'https', 'grpc'];
const KINDS_OF_TLS = ['https', 'grpc'];

/** The kinds an annotation counts for, where these are not all. */
const KINDS_BY_NAME: Readonly<Record<string, readonly string[]>> = {
  'health-check-path': KINDS_OF_HTTP,
  'health-check-method': KINDS_OF_HTTP,
  'health-check-statuses': KINDS_OF_HTTP,
  'health-check-body': KINDS_OF_HTTP,
  'health-check-body-pattern': KINDS_OF_HTTP,
  'health-check-host': KINDS_OF_REQUESTS,
  'health-check-headers': KINDS_OF_REQUESTS,
  'health-check-server-name': KINDS_OF_TLS,
  'health-check-verify': KINDS_OF_TLS,
  'health-check-service': ['grpc'],
};

/** @param names the annotations that were written and are not empty, without prefix */
export function combineHealthCheck(
  { kind, path, bodyText, bodyPattern, others }: HealthCheckSettings,
  names: readonly string[],
): CombinedHealthCheck {
  const ours = names.filter((name) => name.startsWith('health-check'));
  if (kind === null && path === null) {
    const message = 'has no effect without sluice.dev/health-check or sluice.dev/health-check-path';
    const idle = ours.filter((name) => name !== 'health-check' && name !== 'health-check-path');
    return { check: null, faults: idle.map((name) => ({ name, message })) };
  }
  const faults = kind === null ? findFaultsOfRequests(ours) : findFaultsOfKind(kind, ours);
  if (bodyText !== null && bodyPattern !== null) {
    faults.push({ name: 'health-check-body-pattern', message: 'has no effect next to sluice.dev/health-check-body' });
  }
  const intervalMs = others.intervalMs ?? DEFAULT_HEALTH_CHECK.intervalMs;
  const timeoutMs = others.timeoutMs ?? DEFAULT_HEALTH_CHECK.timeoutMs;
  if (timeoutMs > intervalMs) {
    const message = `is longer than the interval, so ${intervalMs} ms count`;
    faults.push({ name: 'health-check-timeout', message });
  }
  const check: HealthCheckConfig = {
    ...DEFAULT_HEALTH_CHECK,
    ...others,
    kind: kind === 'https' || kind === null ? 'http' : kind,
    tls: kind === 'http' || kind === 'https' ? kind === 'https' : null,
    path: path ?? DEFAULT_HEALTH_CHECK.path,
    body: toBodyMatch(bodyText, bodyPattern),
    unhealthyIntervalMs: others.unhealthyIntervalMs ?? intervalMs,
    timeoutMs: Math.min(timeoutMs, intervalMs),
  };
  return { check, faults };
}

/** Whether requests use TLS is not known here: what speaks of it may count. */
function findFaultsOfRequests(names: readonly string[]): { name: string; message: string }[] {
  return names
    .filter((name) => name === 'health-check-service')
    .map((name) => ({ name, message: 'has no effect without sluice.dev/health-check: grpc' }));
}

function findFaultsOfKind(kind: string, names: readonly string[]): { name: string; message: string }[] {
  return names
    .filter((name) => KINDS_BY_NAME[name]?.includes(kind) === false)
    .map((name) => ({ name, message: `has no effect with sluice.dev/health-check: ${kind}` }));
}

function toBodyMatch(text: string | null, pattern: string | null): BodyMatch | null {
  if (text !== null) return { kind: 'text', value: text };
  return pattern === null ? null : { kind: 'pattern', value: pattern };
}
