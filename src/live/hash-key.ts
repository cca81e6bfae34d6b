/**
 * Computes the number that consistent hashing goes by from a request, and other text that is made of its variables. Compiled
 * once for each upstream or route that wants it. Hot for those: what it allocates is the text.
 */
import { crc32 } from '../model/crc32.ts';
import { parseIpv4, parseIpv6 } from '../model/ip-address.ts';
import { type KeyPart, type KeyVariable, parseKeyTemplate } from '../model/key-template.ts';
import type { RequestFacts } from '../router/route-table.ts';
import { cookieValue } from './cookie-value.ts';

/** What a key may ask of a request head. */
export interface KeyRequest extends RequestFacts {
  /** Path and query as forwarded. */
  readonly target: string;
  /** Index of the `?` in `target`, or its length. */
  readonly pathEnd: number;
  /** As the client sent it, port included. */
  readonly host: string;
}

/** What a key may ask of the connection. */
export interface KeyClient {
  readonly clientIp: string;
  readonly secure: boolean;
  /** The port clients think they talk to. */
  readonly port: number;
  /** `Host` as hosts are compared. */
  readonly routingHost: string;
  /** Null when the connection is gone. */
  readonly addresses: { readonly sourcePort: number } | null;
  /** What a trusted proxy says instead; null = nothing. */
  readonly told: { readonly secure: boolean; readonly port: number } | null;
}

type Reader = (request: KeyRequest, client: KeyClient, requestId: string) => string;

/** Text with variables of a request. */
export class RequestText {
  readonly #readers: readonly Reader[];

  /** @param parts at least one */
  constructor(parts: readonly KeyPart[]) {
    this.#readers = parts.map(toReader);
  }

  /** What the variables of the request make of it; one code unit a byte. */
  of(request: KeyRequest, client: KeyClient, requestId: string): string {
    const readers = this.#readers;
    let text = (readers[0] as Reader)(request, client, requestId);
    for (let at = 1; at < readers.length; at++) text += (readers[at] as Reader)(request, client, requestId);
    return text;
  }
}

export class HashKey {
  readonly template: string;
  readonly #text: RequestText;

  /** @throws for a template that `parseKeyTemplate` refuses */
  constructor(template: string) {
    this.template = template;
    const parsed = parseKeyTemplate(template);
    if ('problem' in parsed) throw new Error(`hash key ${template}: ${parsed.problem}`);
    this.#text = new RequestText(parsed.parts);
  }

  /** What the variables of the request make of the template; one code unit a byte. */
  textOf(request: KeyRequest, client: KeyClient, requestId: string): string {
    return this.#text.of(request, client, requestId);
  }

  /** A 32-bit integer. */
  of(request: KeyRequest, client: KeyClient, requestId: string): number {
    // Signed: such integers need no memory of their own.
    return crc32(this.textOf(request, client, requestId)) | 0;
  }
}

function toReader(part: KeyPart): Reader {
  const { kind } = part;
  if (kind === 'text') return () => part.text;
  if (kind === 'variable') return VARIABLES[part.name];
  if (kind === 'arg') return (request) => argument(request, part.name.toLowerCase());
  if (kind === 'cookie') return (request) => cookieValue(request.header('cookie') ?? '', part.name) ?? '';
  return headerReader(part.name.toLowerCase().replaceAll('_', '-'));
}

function headerReader(name: string): Reader {
  return name === 'host' ? (request) => request.host : (request) => request.header(name) ?? '';
}

const args: Reader = ({ target, pathEnd }) => target.slice(pathEnd + 1);
const scheme: Reader = (_, client) => ((client.told ?? client).secure ? 'https' : 'http');
const id: Reader = (_request, _client, requestId) => requestId;

const VARIABLES: Readonly<Record<KeyVariable, Reader>> = {
  args,
  best_http_host: (request, client) => request.host || client.routingHost,
  binary_remote_addr: (_, client) => toBinary(client.clientIp),
  host: (_, client) => client.routingHost,
  is_args: ({ target, pathEnd }) => (pathEnd + 1 < target.length ? '?' : ''),
  pass_access_scheme: scheme,
  query_string: args,
  remote_addr: (_, client) => client.clientIp,
  remote_port: (_, client) => String(client.addresses?.sourcePort ?? ''),
  remote_user: (request) => toUser(request.header('authorization') ?? ''),
  req_id: id,
  request_id: id,
  request_method: (request) => request.method,
  request_uri: (request) => request.target,
  scheme,
  server_port: (_, client) => String((client.told ?? client).port),
  uri: ({ target, pathEnd }) => decode(target.slice(0, pathEnd)),
};

/** The first of that name, compared without case; as written, not decoded. */
function argument({ target, pathEnd }: KeyRequest, lowerCaseName: string): string {
  let start = pathEnd + 1;
  while (start < target.length) {
    let end = target.indexOf('&', start);
    if (end === -1) end = target.length;
    const equals = start + lowerCaseName.length;
    if (equals < end && target.charCodeAt(equals) === 0x3d) {
      if (target.slice(start, equals).toLowerCase() === lowerCaseName) return target.slice(equals + 1, end);
    }
    start = end + 1;
  }
  return '';
}

/** Escapes of a normalised path are well-formed. */
function decode(path: string): string {
  if (!path.includes('%')) return path;
  return path.replaceAll(/%([\dA-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Network byte order, 4 or 16 of them. */
function toBinary(ip: string): string {
  const value = parseIpv4(ip);
  if (value !== -1) return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  return (parseIpv6(ip) ?? []).map((group) => String.fromCharCode(group >>> 8, group & 255)).join('');
}

/** The name in `Basic` credentials (RFC 7617 §2). */
function toUser(authorization: string): string {
  if (!/^basic /i.test(authorization)) return '';
  const credentials = Buffer.from(authorization.slice(6).trim(), 'base64').toString('latin1');
  const colon = credentials.indexOf(':');
  return colon === -1 ? '' : credentials.slice(0, colon);
}
