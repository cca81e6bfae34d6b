/** Declares `client-body-buffer-size`: how large a body may be to be sent again. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { size } from './parsers.ts';

export const clientBodyBufferSize: AnnotationSpec = defineAnnotation({
  key: 'client-body-buffer-size',
  scope: 'location',
  risk: 'low',
  doc: 'Largest request body that is kept while it is sent, to send it again after a failed try; the default is 64k, 0 keeps none. All bodies together take at most 16m in each worker.',
  example: '256k',
  parse: size,
  apply: (settings, value) => {
    settings.policy.retryBufferBytes = value;
  },
});
