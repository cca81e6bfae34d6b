/** Declares `sluice.dev/canary-priority`. The order is made in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

const LIMIT = 1_000_000;

export const canaryPriority: AnnotationSpec = defineAnnotation({
  key: 'canary-priority',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Order among the canaries of one route: higher comes first; equal ones by age, oldest first. The default is 0.',
  example: '10',
  parse: integer({ min: -LIMIT, max: LIMIT }),
  apply: (settings, value) => {
    settings.canary.priority = value;
  },
});
