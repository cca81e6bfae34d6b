/** Declares `sluice.dev/lane-cookie-samesite`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookieSameSite } from './parsers.ts';

export const laneCookieSamesite: AnnotationSpec = defineAnnotation({
  key: 'lane-cookie-samesite',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: '`SameSite` of the lane cookie: `None`, `Lax` or `Strict`. Browsers take `None` only together with `Secure`.',
  example: 'Lax',
  parse: cookieSameSite,
  needs: 'lane-cookie',
  apply: (settings, value) => {
    settings.lane.cookie.sameSite = value;
  },
});
