/** Declares `proxy-connect-timeout`. The timer itself lives in the data plane. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { seconds } from './parsers.ts';

export const proxyConnectTimeout: AnnotationSpec = defineAnnotation({
  key: 'proxy-connect-timeout',
  scope: 'location',
  risk: 'low',
  doc: 'Seconds one try may take to connect to an endpoint; the default is 5.',
  example: '10',
  parse: seconds,
  apply: (settings, value) => {
    settings.policy.connectTimeoutMs = value;
  },
});
