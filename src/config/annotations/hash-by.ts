/** Declares `sluice.dev/hash-by`: the key of requests, also on a Service. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { keyTemplate } from './parsers.ts';

export const hashBy: AnnotationSpec = defineAnnotation({
  key: 'hash-by',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'The same as `upstream-hash-by`, also on a Service. Balancers that need a key and get none take `$remote_addr`.',
  example: '$http_x_user',
  parse: keyTemplate,
  apply: (settings, value) => {
    settings.hashing.keyTemplate = value;
  },
});
