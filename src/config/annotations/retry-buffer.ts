/** Declares `sluice.dev/retry-buffer`: how large a body may be to be sent again, by a name that says so. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { size } from './parsers.ts';

export const retryBuffer: AnnotationSpec = defineAnnotation({
  key: 'retry-buffer',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: 'The same as `client-body-buffer-size`, and stronger.',
  example: '256k',
  parse: size,
  apply: (settings, value) => {
    settings.policy.retryBufferBytes = value;
  },
});
