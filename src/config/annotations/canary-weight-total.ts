/** Declares `canary-weight-total`. How the `canary*` annotations combine is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const canaryWeightTotal: AnnotationSpec = defineAnnotation({
  key: 'canary-weight-total',
  scope: 'canary',
  risk: 'low',
  doc: 'What `canary-weight` is a part of. Values below 100 count as 100; the default is 100.',
  example: '1000',
  parse: integer(),
  apply: (settings, value) => {
    settings.canary.weightTotal = Math.max(100, value);
  },
});
