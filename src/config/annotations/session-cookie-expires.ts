/** Declares `session-cookie-expires`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookieSeconds } from './parsers.ts';

export const sessionCookieExpires: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-expires',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: 'Seconds from the response on after which the cookie expires (`Expires`). Without it, and without `session-cookie-max-age`, the cookie lasts as long as the browser.',
  example: '172800',
  parse: cookieSeconds,
  apply: (settings, value) => {
    settings.affinity.expiresSeconds = value;
  },
});
