/** Parsers of flag values: text to a typed value, or the words for what would have been right. */
import { isIP } from 'node:net';
import { IP_NETWORK_FORM, isIpNetwork } from '../model/ip-networks.ts';
import type { Parsed } from './flag.ts';

export function parsePort(text: string): Parsed<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  return port >= 0 && port <= 65_535 ? { value: port } : { expected: 'an integer from 0 to 65535' };
}

export function parseWorkers(text: string): Parsed<number | 'auto'> {
  if (text === 'auto') return { value: 'auto' };
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= 1024 ? { value: count } : { expected: '"auto" or an integer from 1 to 1024' };
}

export function parseMaxConnections(text: string): Parsed<number | 'auto'> {
  if (text === 'auto') return { value: 'auto' };
  const count = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= 10_000_000 ? { value: count } : { expected: '"auto" or an integer from 1 to 10000000' };
}

/** A flag without its value reads as the empty text: `--nginx-metrics` alone means true. */
export function parseBoolean(text: string): Parsed<boolean> {
  if (text === 'true' || text === '') return { value: true };
  return text === 'false' ? { value: false } : { expected: '"true" or "false"' };
}

const UNIT_MS = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** `250ms`, `2s`, `1m`, `1.5h`: milliseconds, at most a day. */
export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  const durationMs = match === null ? -1 : Math.round(Number(match[1]) * (UNIT_MS.get(match[2] ?? '') ?? 0));
  const valid = durationMs >= 0 && durationMs <= 86_400_000;
  return valid ? { value: durationMs } : { expected: 'a duration up to 24h, like 250ms, 30s or 5m' };
}

/** How long somebody may take: not even for a test is no time at all a limit. */
export function parseTimeLimit(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ('value' in parsed && parsed.value > 0) return parsed;
  return { expected: 'a duration from 1ms to 24h, like 250ms, 30s or 5m' };
}

/** Shorter than a second, a busy worker would be taken for one that hangs. */
export function parseHangTimeout(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ('value' in parsed && (parsed.value === 0 || parsed.value >= 1_000)) return parsed;
  return { expected: '0s or a duration from 1s to 24h, like 10s' };
}

/** The value of a label. Empty, as a label that is not there leaves an environment variable, is no zone. */
export function parseZone(text: string): Parsed<string> {
  const valid = text === '' || /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(text);
  return valid ? { value: text } : { expected: 'the name of a zone, like eu-west-1a' };
}

export function parseInteger(min: number, max: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    return value >= min && value <= max ? { value } : { expected: `an integer from ${min} to ${max}` };
  };
}

/** `off` is 0. */
export function parseOffOrInteger(min: number, max: number): (text: string) => Parsed<number> {
  const parseNumber = parseInteger(min, max);
  return (text) => {
    if (text === 'off') return { value: 0 };
    const parsed = parseNumber(text);
    return 'value' in parsed ? parsed : { expected: `"off" or ${parsed.expected}` };
  };
}

/** `8192`, `8k`, `1m`: bytes of a request head, or of a part of one. Memory for it is taken once per worker. */
export function parseHeadSize(text: string): Parsed<number> {
  const match = /^(\d{1,7})([km]?)$/i.exec(text);
  const unit = match?.[2]?.toLowerCase() ?? '';
  const bytes = match === null ? -1 : Number(match[1]) * (unit === 'm' ? 1_048_576 : unit === 'k' ? 1_024 : 1);
  return bytes >= 256 && bytes <= 1_048_576
    ? { value: bytes }
    : { expected: 'a size from 256 to 1m, like 8192 or 16k' };
}

export function parseAddress(text: string): Parsed<string> {
  const address = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  return isIP(address) === 0 ? { expected: 'an IP address, like 0.0.0.0 or ::' } : { value: address };
}

export function parseNetwork(text: string): Parsed<string> {
  return isIpNetwork(text) ? { value: text } : { expected: IP_NETWORK_FORM };
}

export function parseWord<T extends string>(words: readonly T[]): (text: string) => Parsed<T> {
  return (text) => {
    const value = words.find((word) => word === text);
    return value === undefined ? { expected: `one of ${words.join(', ')}` } : { value };
  };
}

export function parseText(what: string): (text: string) => Parsed<string> {
  return (text) => (text.trim() === '' ? { expected: what } : { value: text });
}

const LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const NAMESPACE = new RegExp(`^${LABEL}$`);
const OBJECT_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

export function parseNamespace(text: string): Parsed<string> {
  return NAMESPACE.test(text) ? { value: text } : { expected: 'the name of a namespace' };
}

export function parseObjectName(text: string): Parsed<string> {
  return isObjectName(text) ? { value: text } : { expected: 'the name of a Kubernetes object' };
}

/** `namespace/name`. */
export function parseObjectKey(text: string): Parsed<string> {
  const [namespace = '', name = '', ...rest] = text.split('/');
  const valid = rest.length === 0 && NAMESPACE.test(namespace) && isObjectName(name);
  return valid ? { value: text } : { expected: 'namespace/name' };
}

function isObjectName(text: string): boolean {
  return text.length <= 253 && OBJECT_NAME.test(text);
}

/** `spec.controller` of an IngressClass: a domain-prefixed path. */
export function parseControllerName(text: string): Parsed<string> {
  const [domain = '', ...path] = text.split('/');
  const valid = text.length <= 250 && isObjectName(domain) && path.length > 0 && path.every((part) => part !== '');
  return valid ? { value: text } : { expected: 'a domain with a path, like sluice.dev/ingress-controller' };
}

/** What stands before the slash of an annotation. */
export function parseAnnotationsPrefix(text: string): Parsed<string> {
  return isObjectName(text) ? { value: text } : { expected: 'a DNS name, like nginx.ingress.kubernetes.io' };
}

/** An IP address or a host name, for the status of Ingresses. */
export function parsePublishedAddress(text: string): Parsed<string> {
  return isIP(text) !== 0 || isObjectName(text) ? { value: text } : { expected: 'an IP address or a host name' };
}

/** Stays the text that was typed: `URL` rewrites paths. */
export function parseHttpUrl(text: string): Parsed<string> {
  const valid = /^https?:\/\//i.test(text) && URL.canParse(text);
  return valid ? { value: text } : { expected: 'an http or https URL' };
}

/** RFC 9110 §5.1 and §5.5: a token, a colon, and a value without line breaks. */
export function parseHeader(text: string): Parsed<{ readonly name: string; readonly value: string }> {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)$/.exec(text);
  if (match === null) return { expected: 'a header, like "Name: value"' };
  return { value: { name: match[1] ?? '', value: (match[2] ?? '').trimEnd() } };
}

/** RFC 9110 §9.1: methods are case-sensitive tokens; nobody who types `get` means another method. */
export function parseMethod(text: string): Parsed<string> {
  return /^[A-Za-z-]{1,32}$/.test(text) ? { value: text.toUpperCase() } : { expected: 'an HTTP method, like GET' };
}
