/**
 * The spellings of health checks, which annotations and the static file share: what may stand in a probe is decided in one
 * place, because every value goes out on a connection.
 */
import type { HealthCheckHeader, StatusRange } from './health-check.ts';

const PATH = /^\/[!-~]{0,2047}$/;
export const PROBE_PATH_FORM =
  'a path that starts with `/`, of printable ASCII without spaces, at most 2048 characters';

export function isProbePath(text: string): boolean {
  return PATH.test(text);
}

/** A name or address, perhaps with a port. */
const HOST = /^[A-Za-z0-9._:[\]-]{1,259}$/;
export const PROBE_HOST_FORM = 'a host name, perhaps with a port';

export function isProbeHost(text: string): boolean {
  return HOST.test(text);
}

/** As `grpc.health.v1` names them: the full name of a service, or anything a server chose to register. */
const SERVICE = /^[A-Za-z0-9._/:-]{1,256}$/;
export const GRPC_SERVICE_FORM = 'the name of a gRPC service such as `shop.v1.Cart`';

export function isGrpcService(text: string): boolean {
  return SERVICE.test(text);
}

export const STATUSES_FORM = 'statuses from 100 to 599 such as `200-299,404`';
const MAX_RANGES = 32;

/** Null when `text` is no list of statuses and ranges of them. */
export function parseStatuses(text: string): readonly StatusRange[] | null {
  const parts = text.split(',', MAX_RANGES + 1);
  if (parts.length > MAX_RANGES) return null;
  const ranges: StatusRange[] = [];
  for (const part of parts) {
    const [, first, last = first] = /^\s*([1-5]\d\d)(?:-([1-5]\d\d))?\s*$/.exec(part) ?? [];
    const range = { from: Number(first), to: Number(last) };
    if (!(range.from <= range.to)) return null;
    ranges.push(range);
  }
  return ranges;
}

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
/** Printable ASCII without blanks at the ends: no line can be added, and nobody reads it as another character set. */
const VALUE = /^(?:[!-~](?:[ -~]{0,2046}[!-~])?)?$/;
/** They frame the message, speak of the connection, or have a setting of their own. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'grpc-timeout',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
export const MAX_PROBE_HEADERS = 32;

/** Empty when the header may be sent; else what would be right. */
export function findProbeHeaderFault(name: string, value: string): string {
  if (!TOKEN.test(name)) return 'expected the name of a header';
  if (FORBIDDEN.has(name.toLowerCase())) return `the header ${name} cannot be set`;
  return VALUE.test(value) ? '' : 'expected a header value of printable ASCII, at most 2048 characters';
}

export function toProbeHeader(name: string, value: string): HealthCheckHeader {
  return { name: name.toLowerCase(), value };
}
