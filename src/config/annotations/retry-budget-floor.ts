/** Declares `sluice.dev/retry-budget-floor`: retries that are allowed however little traffic there is. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const retryBudgetFloor: AnnotationSpec = defineAnnotation({
  key: 'retry-budget-floor',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Retries a second that `retry-budget` allows in each worker however few requests there are; the default is 3.',
  example: '10',
  parse: integer({ min: 0, max: 1_000_000 }),
  apply: ({ upstream }, perSecond) => {
    upstream.retryBudget = { ...(upstream.retryBudget ?? DEFAULT_UPSTREAM_POLICY.retryBudget), perSecond };
  },
});
