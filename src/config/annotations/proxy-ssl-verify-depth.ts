/** Declares `proxy-ssl-verify-depth`. How it combines with the others is decided in `backend-tls.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const proxySslVerifyDepth: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-verify-depth',
  scope: 'location',
  risk: 'low',
  doc: 'How many intermediate certificates may stand between that of a backend and the trusted one; the default is 1, and 0 counts as 1.',
  example: '2',
  parse: integer({ min: 0 }),
  apply: (settings, value) => {
    settings.backend.sslVerifyDepth = Math.max(1, value);
  },
});
