/** Declares `session-cookie-max-age`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookieSeconds } from './parsers.ts';

export const sessionCookieMaxAge: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-max-age',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: 'The same as `Max-Age`, which newer browsers prefer.',
  example: '172800',
  parse: cookieSeconds,
  apply: (settings, value) => {
    settings.affinity.maxAgeSeconds = value;
  },
});
