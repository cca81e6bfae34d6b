/** Declares `sluice.dev/max-connections-per-endpoint`. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const maxConnectionsPerEndpoint: AnnotationSpec = defineAnnotation({
  key: 'max-connections-per-endpoint',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'The same as `max-connections` for each endpoint. Full ones are passed over while others have room.',
  example: '50',
  parse: integer({ min: 0, max: 1_000_000 }),
  apply: ({ upstream }, value) => {
    upstream.limits = { ...(upstream.limits ?? DEFAULT_UPSTREAM_POLICY.limits), maxConnectionsPerEndpoint: value };
  },
});
