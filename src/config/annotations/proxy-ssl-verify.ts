/** Declares `proxy-ssl-verify`. How it combines with the others is decided in `backend-tls.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { onOff } from './parsers.ts';

export const proxySslVerify: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-verify',
  scope: 'location',
  risk: 'low',
  guards: true,
  doc: '`on`: check chain and name of the certificate of backends against `ca.crt` of `proxy-ssl-secret`; what fails is answered 502. The default is `off`.',
  example: 'on',
  parse: onOff,
  apply: (settings, value) => {
    settings.backend.sslVerify = value;
  },
});
