/** Declares `proxy-read-timeout`. The timers themselves live in the data plane. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { seconds } from './parsers.ts';

export const proxyReadTimeout: AnnotationSpec = defineAnnotation({
  key: 'proxy-read-timeout',
  scope: 'location',
  risk: 'low',
  doc: 'Seconds of silence allowed between two reads from the upstream, before the response as well as inside it, and the longest silence of a tunnel (WebSocket); the default is 60.',
  example: '3600',
  parse: seconds,
  apply: (settings, value) => {
    settings.policy.responseTimeoutMs = value;
    settings.policy.idleTimeoutMs = value;
  },
});
