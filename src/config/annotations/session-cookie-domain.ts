/** Declares `session-cookie-domain`. What the cookie means is told in `model/affinity.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const DOMAIN = /^[A-Za-z0-9.-]{1,253}$/;

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return DOMAIN.test(value) ? { value } : { problem: 'expected a host name such as shop.example' };
}

export const sessionCookieDomain: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-domain',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`Domain` of the cookie. Without it the cookie is for the host of the request alone.',
  example: 'shop.example',
  parse,
  apply: (settings, value) => {
    settings.affinity.domain = value;
  },
});
