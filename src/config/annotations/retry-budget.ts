/** Declares `sluice.dev/retry-budget`: how much of the traffic of an upstream may be retries. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const MAX_PERCENT = 1_000;

function parse(text: string): Parsed<number> {
  const [, digits] = /^(\d{1,4})%?$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  return value <= MAX_PERCENT ? { value } : { problem: `expected percent from 0 to ${MAX_PERCENT}, such as 20%` };
}

export const retryBudget: AnnotationSpec = defineAnnotation({
  key: 'retry-budget',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Retries for each 100 requests to the upstream, over the last ten seconds and in each worker; those that are answered well do not count. The default is 20%.',
  example: '50%',
  parse,
  apply: ({ upstream }, percent) => {
    upstream.retryBudget = { ...(upstream.retryBudget ?? DEFAULT_UPSTREAM_POLICY.retryBudget), percent };
  },
});
