/** Declares `proxy-next-upstream-timeout`. Looked at in the data plane, before each new try. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { secondsOrNone } from './parsers.ts';

export const proxyNextUpstreamTimeout: AnnotationSpec = defineAnnotation({
  key: 'proxy-next-upstream-timeout',
  scope: 'location',
  risk: 'low',
  doc: 'Seconds after the start of a request in which a new try may begin. 0 means no limit, which is the default.',
  example: '10',
  parse: secondsOrNone,
  apply: (settings, value) => {
    settings.policy.retryTimeoutMs = value;
  },
});
