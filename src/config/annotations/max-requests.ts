/** Declares `sluice.dev/max-requests`. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const maxRequests: AnnotationSpec = defineAnnotation({
  key: 'max-requests',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Most requests under way at the upstream, WebSockets included; each worker keeps to its share, further requests wait. 0, the default, means no limit.',
  example: '200',
  parse: integer({ min: 0, max: 1_000_000 }),
  apply: ({ upstream }, value) => {
    upstream.limits = { ...(upstream.limits ?? DEFAULT_UPSTREAM_POLICY.limits), maxRequests: value };
  },
});
