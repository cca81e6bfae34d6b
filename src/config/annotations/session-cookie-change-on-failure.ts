/** Declares `session-cookie-change-on-failure`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const sessionCookieChangeOnFailure: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-change-on-failure',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`true`: when the endpoint of a client fails, the request goes to another one, and so do those that follow. Otherwise it is repeated there.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.affinity.changeOnFailure = value;
  },
});
