/** Declares `sluice.dev/canary-match`. The language is that of `match-expression.ts`. */
import type { RequestMatch } from '../../model/canary.ts';
import { parseMatchExpression } from '../match-expression.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const canaryMatch: AnnotationSpec = defineAnnotation<RequestMatch>({
  key: 'canary-match',
  own: true,
  scope: 'canary',
  risk: 'medium',
  doc: 'Tests joined by `and`, `or`, `not` and brackets; requests that pass take the canary. `header:NAME`, `cookie:NAME` and `query:NAME` ask for presence, or with `= value`, `^= beginning` or `~ "pattern"` (RE2, unanchored) for the value; `method = GET,HEAD`; `source = 10.0.0.0/8`. Comes after header and cookie, before the weight.',
  example: 'header:X-Team = blue and not source = 10.0.0.0/8',
  parse: parseMatchExpression,
  apply: (settings, value) => {
    settings.canary.match = value;
  },
});
