/** Declares `session-cookie-conditional-samesite-none`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const sessionCookieConditionalSamesiteNone: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-conditional-samesite-none',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: 'Leave out `SameSite=None` for old browsers that misunderstand it.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.affinity.conditionalSameSiteNone = value;
  },
});
