/** Declares `proxy-body-size`. The check itself lives in the data plane. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { size } from './parsers.ts';

export const proxyBodySize: AnnotationSpec = defineAnnotation({
  key: 'proxy-body-size',
  scope: 'location',
  risk: 'low',
  doc: 'Largest request body; more is answered 413. 0 means no limit; the default is 1m. Units: b, k, m, g.',
  example: '8m',
  parse: size,
  apply: (settings, value) => {
    settings.policy.maxRequestBodyBytes = value;
  },
});
