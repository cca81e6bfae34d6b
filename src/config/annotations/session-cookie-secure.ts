/** Declares `session-cookie-secure`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const sessionCookieSecure: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-secure',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`true`: the cookie is always `Secure`. Otherwise it is where the client speaks TLS.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.affinity.alwaysSecure = value;
  },
});
