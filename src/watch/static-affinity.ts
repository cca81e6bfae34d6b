/** `affinity` of a route in the static configuration file: its shape, and what it becomes. */
import { z } from 'zod';
import { type CookieAffinity, DEFAULT_COOKIE_AFFINITY } from '../model/affinity.ts';
import { LIFETIME_FORM, parseLifetimeSeconds } from './quantity.ts';
import { map, matching, passing } from './static-schema-parts.ts';

/** RFC 6265 §4.1.1: a token. */
const COOKIE_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Printable, and without the `;` that would end the attribute. */
const COOKIE_PATH = /^\/[!-:<-~]{0,1023}$/;
const COOKIE_DOMAIN = /^[A-Za-z0-9.-]{1,253}$/;

export interface AffinityEntry {
  readonly cookie: {
    readonly name: string;
    readonly mode?: CookieAffinity['mode'] | undefined;
    readonly path?: string | undefined;
    readonly domain?: string | undefined;
    readonly expires?: string | undefined;
    readonly maxAge?: string | undefined;
    readonly sameSite?: 'None' | 'Lax' | 'Strict' | undefined;
    readonly secure?: boolean | undefined;
    readonly changeOnFailure?: boolean | undefined;
  };
}

export const lifetime = (): z.ZodString => passing((value) => parseLifetimeSeconds(value) !== null, LIFETIME_FORM);
export const boolean = (): z.ZodBoolean => z.boolean({ error: 'true or false' });
export const cookiePath = (): z.ZodString =>
  matching(COOKIE_PATH, 'a path that starts with `/`, without spaces and `;`');
export const sameSite = (): z.ZodEnum<{ None: 'None'; Lax: 'Lax'; Strict: 'Strict' }> =>
  z.enum(['None', 'Lax', 'Strict'], { error: '`None`, `Lax` or `Strict`' });

export const affinitySchema: z.ZodType<AffinityEntry> = map({
  cookie: map({
    name: matching(COOKIE_NAME, 'the name of a cookie').describe('Name of the cookie.'),
    mode: z
      .enum(['balanced', 'persistent'], { error: '`balanced` or `persistent`' })
      .optional()
      .describe(
        '`balanced`: new endpoints take over a share of the clients. `persistent`: a client stays as long as its endpoint does. Default: `balanced`.',
      ),
    path: cookiePath()
      .optional()
      .describe('`Path` of the cookie. Default: the path of the route, `/` for a regular expression.'),
    domain: matching(COOKIE_DOMAIN, 'a host name')
      .optional()
      .describe('`Domain` of the cookie. Default: none, so it is for the host of the request alone.'),
    expires: lifetime().optional().describe('Time after which the cookie expires (`Expires`). Default: none.'),
    maxAge: lifetime()
      .optional()
      .describe('The same as `Max-Age`. Default: none; with neither the cookie lasts as long as the browser.'),
    sameSite: sameSite().optional().describe('`SameSite` of the cookie. Default: none.'),
    secure: boolean()
      .optional()
      .describe('True: always `Secure`. Default: false, which means where the client speaks TLS.'),
    changeOnFailure: boolean()
      .optional()
      .describe(
        'When the endpoint of a client fails, send the request and those that follow to another one. Default: false, it is repeated there.',
      ),
  }).describe('By a cookie that is set with the first response.'),
});

export function toAffinity({ cookie }: AffinityEntry): CookieAffinity {
  const { expires, maxAge, secure, ...written } = cookie;
  return {
    name: written.name,
    mode: written.mode ?? DEFAULT_COOKIE_AFFINITY.mode,
    changeOnFailure: written.changeOnFailure ?? DEFAULT_COOKIE_AFFINITY.changeOnFailure,
    path: written.path ?? '',
    domain: written.domain ?? '',
    expiresSeconds: expires === undefined ? null : parseLifetimeSeconds(expires),
    maxAgeSeconds: maxAge === undefined ? null : parseLifetimeSeconds(maxAge),
    sameSite: written.sameSite ?? '',
    conditionalSameSiteNone: false,
    alwaysSecure: secure ?? false,
  };
}
