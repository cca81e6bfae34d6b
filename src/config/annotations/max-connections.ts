/** Declares `sluice.dev/max-connections`. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const maxConnections: AnnotationSpec = defineAnnotation({
  key: 'max-connections',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Most open connections to the upstream, idle ones included; each worker keeps to its share. 0, the default, means no limit.',
  example: '500',
  parse: integer({ min: 0, max: 1_000_000 }),
  apply: ({ upstream }, value) => {
    upstream.limits = { ...(upstream.limits ?? DEFAULT_UPSTREAM_POLICY.limits), maxConnections: value };
  },
});
