/** Declares `session-cookie-path`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

/** What a URL path may hold, but no `;`, which would end the attribute. */
const PATH = /^\/[A-Za-z0-9\-._~:@!$&'()*+,=%/]{0,1023}$/;

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return PATH.test(value) ? { value } : { problem: 'expected a URL path such as /shop, without ;' };
}

export const sessionCookiePath: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-path',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`Path` of the cookie. The default is the path of the rule.',
  example: '/',
  parse,
  apply: (settings, value) => {
    settings.affinity.path = value;
  },
});
