/** Declares `canary-weight`. How the `canary*` annotations combine is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const canaryWeight: AnnotationSpec = defineAnnotation({
  key: 'canary-weight',
  scope: 'canary',
  risk: 'low',
  doc: 'Share of the requests that no rule decided, out of `canary-weight-total`. 0 is none.',
  example: '10',
  parse: integer(),
  apply: (settings, value) => {
    settings.canary.weight = value;
  },
});
