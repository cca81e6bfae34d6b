/** Why a request had to be refused: the rules of request heads as a second, independent and slow implementation. */
import { isIPv6 } from 'node:net';
import { type Field, fieldsOf, type Rule, ruleOfChunked, ruleOfFraming, valuesOf } from './field-rules.ts';

export interface HeadLimits {
  readonly maxHeadBytes: number;
  readonly maxTargetBytes: number;
  readonly maxFields: number;
}

/** A request line may be this much longer than its target before its length alone is a fault. */
const LINE_OVERHEAD_BYTES = 64;
const MAX_METHOD_BYTES = 32;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP\/(\S+)$/;
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
const AUTHORITY = /^[A-Za-z0-9._-]{1,255}(:\d{0,5})?$/;
/** Of `Connection` and `Upgrade`. */
const MAX_OPTIONS_BYTES = 1_024;
const PROTECTED =
  /^(host|content-length|transfer-encoding|authorization|cookie|forwarded|x-request-id|x-real-ip|x-forwarded-.*)$/;

/** @param text the stream from where the message begins */
export function ruleOfRequest(text: string, limits: HeadLimits): Rule | null {
  const start = /^(?:\r\n){0,2}/.exec(text)?.[0].length ?? 0;
  const rest = text.slice(start);
  if (rest.startsWith('\r\n')) return 'more than two empty lines';
  const headEnd = rest.indexOf('\r\n\r\n');
  if (headEnd === -1) return ruleOfPartialHead(rest, limits);
  const head = rest.slice(0, headEnd + 2);
  const rule = ruleOfHead(head, limits);
  if (rule !== null) return rule;
  const isChunked = /\r\ntransfer-encoding:/i.test(head);
  return isChunked ? ruleOfChunked(rest.slice(headEnd + 4)) : null;
}

/** What can be said before the head is complete. */
function ruleOfPartialHead(text: string, limits: HeadLimits): Rule | null {
  if (/(^|[^\r])\n/.test(text)) return 'bare LF';
  if (text !== '' && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z\r]/.test(text)) return 'first byte';
  const line = text.split('\n', 1)[0] ?? '';
  if (line.length > limits.maxTargetBytes + LINE_OVERHEAD_BYTES) return 'target length';
  return text.length >= limits.maxHeadBytes ? 'head length' : null;
}

function ruleOfHead(head: string, limits: HeadLimits): Rule | null {
  if (/(^|[^\r])\n/.test(head)) return 'bare LF';
  if (/\r(?!\n)/.test(head)) return 'bare CR';
  const lineEnd = head.indexOf('\r\n');
  const line = REQUEST_LINE.exec(head.slice(0, lineEnd));
  if (line === null) return 'no request line';
  const [, method = '', target = '', version = ''] = line;
  if (method.length > MAX_METHOD_BYTES) return 'method length';
  if (version !== '1.1' && version !== '1.0') return 'version';
  if (method === 'CONNECT' || method === 'TRACE') return 'CONNECT or TRACE';
  if (target.length > limits.maxTargetBytes) return 'target length';
  const targetRule = ruleOfTarget(method, target);
  if (targetRule !== null) return targetRule;
  if (head.length + 2 > limits.maxHeadBytes) return 'head length';
  const fields = fieldsOf(head.slice(lineEnd + 2));
  if (typeof fields === 'string') return fields;
  if (fields.length > limits.maxFields) return 'number of fields';
  return ruleOfFields(fields, target, version);
}

function ruleOfTarget(method: string, target: string): Rule | null {
  if (!/^[\x21-\x7e]*$/.test(target) || target.includes('#')) return 'target bytes';
  if (target === '*') return method === 'OPTIONS' ? null : 'target form';
  return target.startsWith('/') || absoluteParts(target) !== null ? ruleOfPath(target) : 'target form';
}

function ruleOfPath(target: string): Rule | null {
  return expectedTarget('GET', target) === null ? 'target path' : null;
}

function absoluteParts(target: string): { readonly authority: string; readonly rest: string } | null {
  const parts = /^https?:\/\/([^/?@]+)([/?].*)?$/i.exec(target);
  return parts === null ? null : { authority: parts[1] ?? '', rest: parts[2] ?? '/' };
}

/** Origin form as it has to be forwarded; null when the path must be refused. */
export function expectedTarget(verb: string, target: string): string | null {
  // RFC 9112 §3.2.4: what a client writes to a proxy for `OPTIONS *`.
  if (verb === 'OPTIONS' && /^https?:\/\/[^/?]*$/i.test(target)) return '*';
  if (target === '*') return target;
  const origin = target.startsWith('/') ? target : (absoluteParts(target)?.rest ?? '').replace(/^\?/, '/?');
  const [, path = '', query = ''] = /^([^?]*)(.*)$/s.exec(origin) ?? [];
  if (/%(?![0-9A-Fa-f]{2})|%00/.test(path)) return null;
  const decoded = path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : escape.toUpperCase();
  });
  const kept: string[] = [];
  const segments = decoded.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '..' && kept.pop() === undefined) return null;
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}${query}`;
}

function ruleOfFields(fields: readonly Field[], target: string, version: string): Rule | null {
  const framing = ruleOfFraming(fields);
  if (framing !== null) return framing;
  const lengths = valuesOf(fields, 'content-length');
  const chunked = valuesOf(fields, 'transfer-encoding').length > 0;
  if (lengths.length > 1) return 'repeated Content-Length';
  if (chunked && lengths.length > 0) return 'Transfer-Encoding with Content-Length';
  if (chunked && version === '1.0') return 'Transfer-Encoding in HTTP/1.0';
  const hostRule = ruleOfHost(valuesOf(fields, 'host'), target, version);
  if (hostRule !== null) return hostRule;
  if (valuesOf(fields, 'connection').join(', ').length > MAX_OPTIONS_BYTES) return 'Connection length';
  const tokens = connectionTokens(fields);
  if (tokens.some((token) => PROTECTED.test(token))) return 'Connection names a protected field';
  const hasBody = chunked || (lengths.length > 0 && lengths[0] !== '0');
  const mayUpgrade = version === '1.1' && tokens.includes('upgrade') && offersUpgrade(fields);
  return hasBody && mayUpgrade ? 'Upgrade with a body' : null;
}

/** Offers of HTTP/2 and TLS, and repeated ones, are dropped: the request is then an ordinary one. */
function offersUpgrade(fields: readonly Field[]): boolean {
  const [offer = '', ...more] = valuesOf(fields, 'upgrade');
  const protocols = offer.split(/[ \t]*,[ \t]*/).filter((protocol) => protocol !== '');
  const usable =
    offer.length <= MAX_OPTIONS_BYTES &&
    protocols.every((protocol) => PROTOCOL.test(protocol) && !/^(h2c$|tls\/)/i.test(protocol));
  return more.length === 0 && offer !== '' && usable;
}

function ruleOfHost(hosts: readonly string[], target: string, version: string): Rule | null {
  const authority = absoluteParts(target)?.authority;
  if (hosts.length > 1 || (hosts.length === 0 && version === '1.1')) return 'Host missing or repeated';
  if (authority !== undefined && hosts.some((host) => host.toLowerCase() !== authority.toLowerCase())) {
    return 'Host other than in the target';
  }
  const host = authority ?? hosts[0] ?? '';
  if (host === '') return version === '1.1' ? 'Host missing or repeated' : null;
  return isAuthority(host) ? null : 'Host form';
}

function isAuthority(host: string): boolean {
  const literal = /^\[([0-9A-Fa-f:.]+)\](:\d{0,5})?$/.exec(host);
  return literal === null ? AUTHORITY.test(host) : isIPv6(literal[1] ?? '');
}

function connectionTokens(fields: readonly Field[]): readonly string[] {
  const tokens = valuesOf(fields, 'connection').flatMap((value) => value.split(','));
  // Not `trim`: it takes more for a blank than RFC 9110 §5.6.3 does, and `\xa0host` is not `host`.
  return tokens.map((token) => token.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase());
}

/** Whether the request itself asks for what a parser must do at its end: leave the connection open or not. */
export function asksToClose(text: string): boolean {
  const head = text.slice(0, text.indexOf('\r\n\r\n') + 2).replace(/^(\r\n)+/, '');
  const fields = fieldsOf(head.slice(head.indexOf('\r\n') + 2));
  if (typeof fields === 'string') return false;
  const tokens = connectionTokens(fields);
  return tokens.includes('close') || (/^[^\r\n]* HTTP\/1\.0\r/.test(head) && !tokens.includes('keep-alive'));
}
