/** Declares `proxy-ssl-server-name`. How it combines with the others is decided in `backend-tls.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { onOff } from './parsers.ts';

export const proxySslServerName: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-server-name',
  scope: 'location',
  risk: 'low',
  doc: '`on`: send `proxy-ssl-name` to backends (SNI). The default is `off`.',
  example: 'on',
  parse: onOff,
  apply: (settings, value) => {
    settings.backend.sslServerName = value;
  },
});
