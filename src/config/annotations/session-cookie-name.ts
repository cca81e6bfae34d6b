/** Declares `session-cookie-name`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { name } from './parsers.ts';

export const sessionCookieName: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-name',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: 'Name of the cookie. The default is `INGRESSCOOKIE`.',
  example: 'SHOPSESSION',
  parse: name,
  apply: (settings, value) => {
    settings.affinity.name = value;
  },
});
