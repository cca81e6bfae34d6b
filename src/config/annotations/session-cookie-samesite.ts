/** Declares `session-cookie-samesite`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookieSameSite } from './parsers.ts';

export const sessionCookieSamesite: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-samesite',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`SameSite` of the cookie: `None`, `Lax` or `Strict`. Browsers take `None` only together with `Secure`.',
  example: 'Lax',
  parse: cookieSameSite,
  apply: (settings, value) => {
    settings.affinity.sameSite = value;
  },
});
