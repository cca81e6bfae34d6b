/** Declares `affinity-mode`. What the cookie means is told in `model/affinity.ts`. */
import type { CookieAffinity } from '../../model/affinity.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<CookieAffinity['mode']> {
  const value = text.trim();
  return value === 'balanced' || value === 'persistent' ? { value } : { problem: 'expected balanced or persistent' };
}

export const affinityMode: AnnotationSpec = defineAnnotation({
  key: 'affinity-mode',
  scope: 'location',
  risk: 'low',
  needs: 'affinity',
  doc: '`balanced`: new endpoints take over a share of the clients. `persistent`: a client stays as long as its endpoint does. The default is `balanced`.',
  example: 'persistent',
  parse,
  apply: (settings, value) => {
    settings.affinity.mode = value;
  },
});
