/** Declares `session-cookie-samesite`. What the cookie means is told in `model/affinity.ts`. */
import type { CookieAffinity } from '../../model/affinity.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const WORDS = ['None', 'Lax', 'Strict'] as const;

function parse(text: string): Parsed<CookieAffinity['sameSite']> {
  const written = text.trim().toLowerCase();
  const value = WORDS.find((word) => word.toLowerCase() === written);
  return value === undefined ? { problem: 'expected None, Lax or Strict' } : { value };
}

export const sessionCookieSamesite: AnnotationSpec = defineAnnotation({
  key: 'session-cookie-samesite',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`SameSite` of the cookie: `None`, `Lax` or `Strict`. Browsers take `None` only together with `Secure`.',
  example: 'Lax',
  parse,
  apply: (settings, value) => {
    settings.affinity.sameSite = value;
  },
});
