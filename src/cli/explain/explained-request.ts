/** The request that `explain` asks about, brought into the form in which the data plane would see it. */
import { encodeRulePath, normalisePath } from '../../model/path.ts';
import { toRoutingHost } from '../../proxy/http1/request-target.ts';
import type { RequestFacts } from '../../router/route-table.ts';

export interface HeaderLine {
  readonly name: string;
  readonly value: string;
}

export interface RequestToExplain {
  readonly method: string;
  /** As typed: `URL` would resolve dot segments before we could show what becomes of them. */
  readonly url: string;
  readonly headers: readonly HeaderLine[];
  /** IP address that the client would have. */
  readonly clientIp: string;
}

export interface ExplainedRequest extends RequestFacts {
  readonly scheme: 'http' | 'https';
  /** Lower case, without port and without a dot at its end. */
  readonly host: string;
  /** As it would be sent in `Host`, with the port if it is not the usual one. */
  readonly authority: string;
  /** That clients think they talk to. */
  readonly port: number;
  /** As it would be sent. */
  readonly path: string;
  /** Null = refused with 400. */
  readonly normalisedPath: string | null;
  /** With its `?`; empty when there is none. */
  readonly query: string;
  readonly clientIp: string;
}

const USUAL_PORTS = { http: 80, https: 443 } as const;

/** `request.url` must be a valid http or https URL. */
export function toExplainedRequest(request: RequestToExplain): ExplainedRequest {
  const url = new URL(request.url);
  const { path, query } = splitTarget(request.url);
  const parameters = new URLSearchParams(query);
  const header = (name: string): string | null => joinHeader(request.headers, name);
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const authority = header('host') ?? url.host;
  return {
    method: request.method,
    scheme,
    host: toRoutingHost(authority),
    authority,
    port: url.port === '' ? USUAL_PORTS[scheme] : Number(url.port),
    path,
    normalisedPath: normalisePath(path),
    query,
    clientIp: request.clientIp,
    header,
    queryParameter: (name) => parameters.get(name),
  };
}

function splitTarget(url: string): { readonly path: string; readonly query: string } {
  const withoutFragment = url.split('#', 1)[0] ?? '';
  const afterAuthority = /^[a-z]+:\/*[^/?]*(.*)$/is.exec(withoutFragment)?.[1] ?? '';
  const question = afterAuthority.indexOf('?');
  const path = question === -1 ? afterAuthority : afterAuthority.slice(0, question);
  return {
    path: path === '' ? '/' : encodeRulePath(path),
    query: question === -1 ? '' : afterAuthority.slice(question),
  };
}

/** Several fields of one name count as one (RFC 9110 §5.3); cookies are joined as RFC 6265 has it. */
function joinHeader(headers: readonly HeaderLine[], lowerCaseName: string): string | null {
  const values = headers.filter(({ name }) => name.toLowerCase() === lowerCaseName).map(({ value }) => value);
  return values.length === 0 ? null : values.join(lowerCaseName === 'cookie' ? '; ' : ', ');
}
