/** Declares `session-cookie-path`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookiePath } from './parsers.ts';

export const sessionCookiePath: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-path',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`Path` of the cookie. The default is the path of the rule.',
  example: '/',
  parse: cookiePath,
  apply: (settings, value) => {
    settings.affinity.path = value;
  },
});
