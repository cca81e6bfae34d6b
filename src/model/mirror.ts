/**
 * Mirroring as it is configured: which copies of requests go where, and what is compared of the answers. What a target may
 * look like is decided here, for annotations and the static file alike.
 */
import { parseTemplate } from './key-template.ts';

export interface MirrorConfig {
  /** `http://shadow.example:8080`: where copies are sent, without path and user. */
  readonly origin: string;
  /** `Host` of the copies, and the name asked for in TLS. */
  readonly host: string;
  /** Path and query: text with variables of the request. */
  readonly target: string;
  /** Share of the requests, 0 to 100. */
  readonly percent: number;
  /** False: copies go without the body. */
  readonly sendBody: boolean;
  /** Whether the certificate of an `https` target is checked. */
  readonly verify: boolean;
  /** Null: answers of the target are thrown away unread. */
  readonly compare: MirrorCompareConfig | null;
}

/** The status is always compared. */
export interface MirrorCompareConfig {
  /** Names of response headers, lower case. */
  readonly headers: readonly string[];
  readonly body: boolean;
}

export const DEFAULT_COMPARED_HEADERS: readonly string[] = ['content-type', 'location'];

/** Each costs a search in two responses. */
export const MAX_COMPARED_HEADERS = 16;

/** What happened to copies that were sent. `answered`: whatever the status. */
export const MIRROR_RESULTS = ['answered', 'failed', 'timeout'] as const;

/**
 * Why a copy was not sent. `busy`: too many are under way. `paused`: the target fails. `body`: it is too large. `memory`: too
 * many bodies are kept. `incomplete`: the client did not send all of it, or the answer was there before. `target`: the
 * variables made its address too long.
 */
export const MIRROR_DROPS = ['busy', 'paused', 'body', 'memory', 'incomplete', 'target'] as const;

/** How two answers compare: the first that differs. `incomplete`: one of both did not come, or not whole. */
export const MIRROR_COMPARISONS = ['equal', 'status', 'headers', 'body', 'incomplete'] as const;

export type MirrorResult = (typeof MIRROR_RESULTS)[number];
export type MirrorDrop = (typeof MIRROR_DROPS)[number];
export type MirrorComparison = (typeof MIRROR_COMPARISONS)[number];

/** Where copies go, read from a URL. */
export interface MirrorTarget extends Pick<MirrorConfig, 'origin' | 'target'> {
  /** Without port. */
  readonly hostname: string;
  /** With the port, where it is not that of the scheme. */
  readonly authority: string;
}

const URL_PARTS = /^(https?:\/\/)([^/?#$]*)(.*)$/i;
const AUTHORITY = /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i;
/** A variable that follows the host at once has to bring the `/`. */
const PATH_VARIABLE = /^\$(?:\{(?:request_uri|uri)\}|(?:request_uri|uri)(?!\w))/;
const HOST = /^[a-z0-9._-]{1,253}(?::[0-9]{1,5})?$|^\[[0-9a-f:.]{2,45}\](?::[0-9]{1,5})?$/i;

export const MIRROR_HOST_FORM = 'a host name, perhaps with a port';

/** What is wrong with a URL to mirror to, or its parts. Whoever sends requests must not choose where copies go. */
export function parseMirrorTarget(text: string): MirrorTarget | { readonly problem: string } {
  const [, scheme = '', authority = '', rest = ''] = URL_PARTS.exec(text) ?? [];
  if (scheme === '' || !AUTHORITY.test(authority)) {
    return {
      problem: 'expected a URL such as https://shadow.example$request_uri, with a constant host and without a user',
    };
  }
  if (rest.startsWith('$') && !PATH_VARIABLE.test(rest)) {
    return { problem: 'expected / or $request_uri behind the host; variables cannot be part of the host' };
  }
  if (rest.includes('#')) return { problem: 'expected a URL without a fragment' };
  const url = toUrl(scheme + authority);
  if (url === null || url.port === '0')
    return { problem: `expected a host and a port from 1 to 65535, not ${authority}` };
  const target = rest.startsWith('/') || rest.startsWith('$') ? rest : `/${rest}`;
  const parsed = parseTemplate(target);
  if ('problem' in parsed) return parsed;
  return { origin: url.origin, target, hostname: url.hostname, authority: url.host };
}

export function isMirrorHost(text: string): boolean {
  return HOST.test(text);
}

function toUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
