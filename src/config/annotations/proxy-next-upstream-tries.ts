/** Declares `proxy-next-upstream-tries`. Which tries may be repeated is decided in the data plane. */
import { MAX_RETRY_ATTEMPTS } from '../../model/route-policy.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const proxyNextUpstreamTries: AnnotationSpec = defineAnnotation({
  key: 'proxy-next-upstream-tries',
  scope: 'location',
  risk: 'low',
  doc: `Total tries of a request, the first included; the default is 3. 0 means as many as are useful: ${MAX_RETRY_ATTEMPTS}, which is also the most.`,
  example: '2',
  parse: integer({ min: 0 }),
  apply: (settings, value) => {
    settings.policy.retryAttempts = value === 0 ? MAX_RETRY_ATTEMPTS : Math.min(value, MAX_RETRY_ATTEMPTS);
  },
});
