/** Session affinity by cookie: a client stays with the endpoint that served it first. */

export type SameSite = 'None' | 'Lax' | 'Strict';

export interface CookieAffinity {
  /** Of the cookie; case matters. */
  readonly name: string;
  /**
   * `balanced`: a key that each endpoint takes a share of, so that more endpoints take over some of the clients and a client
   * whose endpoint went comes back with it. `persistent`: the endpoint itself, whatever else comes or goes.
   */
  readonly mode: 'balanced' | 'persistent';
  /** A failed attempt leads to another endpoint and another cookie; else it is repeated where the client belongs. */
  readonly changeOnFailure: boolean;
  /** Empty = the path of the route. */
  readonly path: string;
  /** Empty = no `Domain`. */
  readonly domain: string;
  /** From the response on; null = no `Expires`. Negative = in the past. */
  readonly expiresSeconds: number | null;
  /** Null = no `Max-Age`. */
  readonly maxAgeSeconds: number | null;
  /** Empty = no `SameSite`. */
  readonly sameSite: SameSite | '';
  /** Leave out `SameSite=None` for browsers known to take it for `Strict`. */
  readonly conditionalSameSiteNone: boolean;
  /** `Secure` also for clients that do not speak TLS; those that do get it anyway. */
  readonly alwaysSecure: boolean;
}

/** What the nginx dialect means by affinity unless told more. */
export const DEFAULT_COOKIE_AFFINITY: CookieAffinity = {
  name: 'INGRESSCOOKIE',
  mode: 'balanced',
  changeOnFailure: false,
  path: '',
  domain: '',
  expiresSeconds: null,
  maxAgeSeconds: null,
  sameSite: '',
  conditionalSameSiteNone: false,
  alwaysSecure: false,
};
