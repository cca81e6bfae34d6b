/** Declares `sluice.dev/max-pending`. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const maxPending: AnnotationSpec = defineAnnotation({
  key: 'max-pending',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Most requests that wait for room where there are limits; further ones are answered 503 with `Retry-After`. The default is 100; 0 means that none waits.',
  example: '50',
  parse: integer({ min: 0, max: 1_000_000 }),
  apply: ({ upstream }, value) => {
    upstream.limits = { ...(upstream.limits ?? DEFAULT_UPSTREAM_POLICY.limits), maxPending: value };
  },
});
