/** Declares `sluice.dev/pending-timeout`. */
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { seconds } from './parsers.ts';

export const pendingTimeout: AnnotationSpec = defineAnnotation({
  key: 'pending-timeout',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Seconds a request waits for room where there are limits, before it is answered 503 with `Retry-After`; the default is 5.',
  example: '2',
  parse: seconds,
  apply: ({ upstream }, pendingTimeoutMs) => {
    upstream.limits = { ...(upstream.limits ?? DEFAULT_UPSTREAM_POLICY.limits), pendingTimeoutMs };
  },
});
