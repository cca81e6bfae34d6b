/**
 * The session affinity of one route: reads the cookie a client sends and writes the one it gets. What a key in it leads to
 * is known to `sticky-endpoints.ts`.
 */
import type { CookieAffinity } from '../model/affinity.ts';
import { toCookieTime } from './cookie-time.ts';
import { lastCookieValue } from './cookie-value.ts';

/** Longer values were not written here. */
const MAX_VALUE_LENGTH = 512;

/** What a cookie says. */
export interface StickyCookie {
  /** Never empty. */
  readonly key: string;
  /** `StickyEndpoints.hash` of the upstream it was written for; empty where it does not say. */
  readonly upstreamHash: string;
}

export class LiveAffinity {
  readonly persistent: boolean;
  readonly changeOnFailure: boolean;
  readonly #config: CookieAffinity;
  /** Behind `Expires` and before `Secure`. */
  readonly #attributes: string;

  /** @param routePath the path of the route; empty where it is no plain path */
  constructor(config: CookieAffinity, routePath: string) {
    this.persistent = config.mode === 'persistent';
    this.changeOnFailure = config.changeOnFailure;
    this.#config = config;
    const maxAge = config.maxAgeSeconds === null ? '' : `; Max-Age=${config.maxAgeSeconds}`;
    const domain = config.domain === '' ? '' : `; Domain=${config.domain}`;
    this.#attributes = `${maxAge}${domain}; Path=${config.path || toCookiePath(routePath)}`;
  }

  /** Whether `User-Agent` matters for `toSetCookie`. */
  get asksForBrowser(): boolean {
    return this.#config.conditionalSameSiteNone && this.#config.sameSite === 'None';
  }

  /** Null when there is no cookie of that name, or nothing of use in it. */
  read(cookies: string | null): StickyCookie | null {
    const value = cookies === null ? null : lastCookieValue(cookies, this.#config.name);
    if (value === null || value.length > MAX_VALUE_LENGTH) return null;
    const [key = '', upstreamHash = ''] = value.split('|', 2);
    return key === '' ? null : { key, upstreamHash };
  }

  /**
   * The value of a `Set-Cookie` field.
   * @param secure whether the client speaks TLS
   * @param withSameSite false for a browser that must not see `SameSite=None`
   */
  toSetCookie({ key, upstreamHash }: StickyCookie, secure: boolean, withSameSite: boolean, nowAt: number): string {
    const { name, expiresSeconds, sameSite, alwaysSecure } = this.#config;
    let text = `${name}=${key}|${upstreamHash}`;
    if (expiresSeconds !== null) text += `; Expires=${toCookieTime(nowAt + expiresSeconds * 1_000)}`;
    text += this.#attributes;
    if (secure || alwaysSecure) text += '; Secure';
    text += '; HttpOnly';
    return sameSite === '' || !withSameSite ? text : `${text}; SameSite=${sameSite}`;
  }
}

/** A `;` would end the attribute (RFC 6265 §4.1.1), and spelled otherwise the path would not be the one browsers ask for. */
function toCookiePath(routePath: string): string {
  return routePath === '' || routePath.includes(';') ? '/' : routePath;
}
