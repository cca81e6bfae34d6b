/** Declares `proxy-send-timeout`. The timers themselves live in the data plane. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { seconds } from './parsers.ts';

export const proxySendTimeout: AnnotationSpec = defineAnnotation({
  key: 'proxy-send-timeout',
  scope: 'location',
  risk: 'low',
  doc: 'Seconds the upstream may refuse to take more of a request; the default is 60.',
  example: '120',
  parse: seconds,
  apply: (settings, value) => {
    settings.policy.sendTimeoutMs = value;
  },
});
