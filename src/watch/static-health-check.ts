/** `healthCheck` of an upstream in the static configuration file: its shape, what its keys mean for another, and what it becomes. */
import { isIP } from 'node:net';
import { z } from 'zod';
import {
  type BodyMatch,
  DEFAULT_HEALTH_CHECK,
  HEALTH_CHECK_METHODS,
  type HealthCheckConfig,
  type HealthCheckMethod,
} from '../model/health-check.ts';
import {
  findProbeHeaderFault,
  GRPC_SERVICE_FORM,
  isGrpcService,
  isProbeHost,
  isProbePath,
  MAX_PROBE_HEADERS,
  PROBE_HOST_FORM,
  PROBE_PATH_FORM,
  parseStatuses,
  STATUSES_FORM,
  toProbeHeader,
} from '../model/health-check-values.ts';
import { isDnsName } from './dns-name.ts';
import { isRecord, type JsonRecord } from './narrow-object.ts';
import { parseDurationMs } from './quantity.ts';
import type { StaticProblems } from './static-problems.ts';
import { duration, integer, map, passing, pattern, text } from './static-schema-parts.ts';

const KINDS = ['http', 'https', 'tcp', 'grpc'] as const;

type Kind = (typeof KINDS)[number];

export interface HealthCheckEntry {
  readonly kind?: Kind | undefined;
  readonly path?: string | undefined;
  readonly port?: number | undefined;
  readonly method?: HealthCheckMethod | undefined;
  readonly host?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly statuses?: string | number | undefined;
  readonly body?: { readonly text?: string | undefined; readonly pattern?: string | undefined } | undefined;
  readonly service?: string | undefined;
  readonly serverName?: string | undefined;
  readonly verify?: boolean | undefined;
  readonly interval?: string | undefined;
  readonly unhealthyInterval?: string | undefined;
  readonly timeout?: string | undefined;
  readonly unhealthyAfter?: number | undefined;
  readonly healthyAfter?: number | undefined;
}

export const healthCheckSchema: z.ZodType<HealthCheckEntry> = map({
  kind: z
    .enum(KINDS, { error: '`http`, `https`, `tcp` or `grpc`' })
    .optional()
    .describe(
      'What is asked. `http` and `https`: HTTP/1.1 in the clear or over TLS. `tcp`: whether a connection opens. `grpc`: `grpc.health.v1.Health/Check`. Default: HTTP over connections like those of requests.',
    ),
  path: passing(isProbePath, PROBE_PATH_FORM).optional().describe('Path of the request. Default: `/`.'),
  port: integer(1, 65_535).optional().describe('Port to probe. Default: the one requests go to.'),
  method: z
    .enum(HEALTH_CHECK_METHODS, { error: `one of ${HEALTH_CHECK_METHODS.join(', ')}` })
    .optional()
    .describe('Method of the request. Default: `GET`.'),
  host: passing(isProbeHost, PROBE_HOST_FORM)
    .optional()
    .describe('`Host` of the request. Default: the address that is probed.'),
  headers: z
    .record(text('the name of a header'), text('the value of a header'), { error: 'a map' })
    .superRefine(checkHeaders)
    .optional()
    .describe('Further headers of the request, by name. Default: none.'),
  statuses: z
    .union([z.string(), z.number()], { error: STATUSES_FORM })
    .refine((value) => parseStatuses(String(value)) !== null, { error: STATUSES_FORM })
    .optional()
    .describe('Statuses that count as success. Default: `200-399`.'),
  body: map({
    text: text('a text').min(1, { error: 'a text' }).optional().describe('Text that the body must hold.'),
    pattern: pattern().optional().describe('Regular expression (RE2) that is searched in the body.'),
  })
    .optional()
    .describe('What the first 64 KiB of the body must hold. Default: anything.'),
  service: passing(isGrpcService, GRPC_SERVICE_FORM)
    .optional()
    .describe('The gRPC service whose health is asked for. Default: the server as a whole.'),
  serverName: passing(
    (value) => isDnsName(value.toLowerCase()) && isIP(value) === 0,
    'a host name such as `shop.internal.example`',
  )
    .optional()
    .describe('The name sent over TLS (SNI), and the one the certificate must hold. Default: as requests have it.'),
  verify: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('Check chain and name of the certificate. Default: as requests have it.'),
  interval: duration.optional().describe('Time between two checks. Default: `5s`.'),
  unhealthyInterval: duration
    .optional()
    .describe('Time between two checks while they fail or the endpoint is out. Default: `interval`.'),
  timeout: duration.optional().describe('Longest wait for an answer, at most `interval`. Default: `1s`.'),
  unhealthyAfter: integer(1, 100).optional().describe('Failures in a row until an endpoint is taken out. Default: 3.'),
  healthyAfter: integer(1, 100).optional().describe('Successes in a row until an endpoint is taken back. Default: 2.'),
});

function checkHeaders(headers: Record<string, string>, context: z.core.$RefinementCtx): void {
  const entries = Object.entries(headers);
  if (entries.length > MAX_PROBE_HEADERS) {
    context.addIssue({ code: 'custom', message: `at most ${MAX_PROBE_HEADERS} headers`, input: headers });
  }
  for (const [name, value] of entries) {
    const fault = findProbeHeaderFault(name, value);
    if (fault !== '') context.addIssue({ code: 'custom', message: fault, path: [name], input: value });
  }
}

/** Keys that ask for something of a request which not every kind has. */
const KEYS_OF_HTTP = ['path', 'method', 'statuses', 'body'];
const KEYS_OF_REQUESTS = ['host', 'headers'];
const KEYS_OF_TLS = ['serverName', 'verify'];

/** Works on the untyped value; what has the wrong shape was reported by the schema and is passed over here. */
export function checkHealthCheck(entry: JsonRecord, field: string, isSecure: boolean, problems: StaticProblems): void {
  const { kind, path, body } = entry;
  const reject = (key: string, message: string): void => {
    problems.add({ code: 'config-invalid', field: key === '' ? field : `${field}.${key}`, message });
  };
  if (kind === undefined && path === undefined) {
    reject('', 'says neither `path` nor `kind`; expected one of them, such as `path: /healthz`');
  }
  const useless = findUselessKeys(kind, isSecure);
  for (const key of useless) if (entry[key] !== undefined) reject(key, `has no effect with ${toTitle(kind, isSecure)}`);
  if (isRecord(body) && !useless.includes('body') && (body['text'] === undefined) === (body['pattern'] === undefined)) {
    reject('body', `has ${body['text'] === undefined ? 'none' : 'both'} of text and pattern; expected one of them`);
  }
  checkTimes(entry, reject);
}

function findUselessKeys(kind: unknown, isSecure: boolean): readonly string[] {
  if (kind === 'tcp') return [...KEYS_OF_HTTP, ...KEYS_OF_REQUESTS, ...KEYS_OF_TLS, 'service'];
  const ofTls = kind === 'http' || (kind !== 'https' && !isSecure) ? KEYS_OF_TLS : [];
  return kind === 'grpc' ? [...KEYS_OF_HTTP, ...ofTls] : ['service', ...ofTls];
}

function toTitle(kind: unknown, isSecure: boolean): string {
  const what = typeof kind === 'string' ? `\`kind: ${kind}\`` : 'a check of HTTP';
  return kind === 'tcp' || kind === 'http' || kind === 'https' || isSecure ? what : `${what} in the clear`;
}

function checkTimes({ interval, timeout }: JsonRecord, reject: (key: string, message: string) => void): void {
  const intervalMs = durationOr(interval, DEFAULT_HEALTH_CHECK.intervalMs);
  const timeoutMs = durationOr(timeout, DEFAULT_HEALTH_CHECK.timeoutMs);
  if (intervalMs === null || timeoutMs === null || timeoutMs <= intervalMs) return;
  const key = timeout === undefined ? 'interval' : 'timeout';
  reject(key, `makes the timeout (${timeoutMs} ms) longer than the interval (${intervalMs} ms)`);
}

function durationOr(value: unknown, fallbackMs: number): number | null {
  if (value === undefined) return fallbackMs;
  return typeof value === 'string' ? parseDurationMs(value) : null;
}

export function toHealthCheck(entry: HealthCheckEntry): HealthCheckConfig {
  const { kind, statuses, headers, interval, unhealthyInterval, timeout } = entry;
  const defaults = DEFAULT_HEALTH_CHECK;
  const intervalMs = toMs(interval, defaults.intervalMs);
  return {
    ...defaults,
    kind: kind === 'tcp' || kind === 'grpc' ? kind : 'http',
    tls: kind === 'http' || kind === 'https' ? kind === 'https' : null,
    serverName: entry.serverName?.toLowerCase() ?? '',
    verify: entry.verify ?? null,
    port: entry.port ?? 0,
    method: entry.method ?? defaults.method,
    path: entry.path ?? defaults.path,
    host: entry.host ?? '',
    headers: Object.entries(headers ?? {}).map(([name, value]) => toProbeHeader(name, value)),
    statuses: statuses === undefined ? defaults.statuses : (parseStatuses(String(statuses)) ?? defaults.statuses),
    body: toBodyMatch(entry.body),
    service: entry.service ?? '',
    intervalMs,
    unhealthyIntervalMs: toMs(unhealthyInterval, intervalMs),
    timeoutMs: toMs(timeout, defaults.timeoutMs),
    unhealthyAfter: entry.unhealthyAfter ?? defaults.unhealthyAfter,
    healthyAfter: entry.healthyAfter ?? defaults.healthyAfter,
  };
}

function toBodyMatch(body: HealthCheckEntry['body']): BodyMatch | null {
  if (body?.text !== undefined) return { kind: 'text', value: body.text };
  return body?.pattern === undefined ? null : { kind: 'pattern', value: body.pattern };
}

function toMs(written: string | undefined, fallbackMs: number): number {
  return written === undefined ? fallbackMs : (parseDurationMs(written) ?? fallbackMs);
}
