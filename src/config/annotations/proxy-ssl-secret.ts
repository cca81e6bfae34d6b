/** Declares `proxy-ssl-secret`. How it combines with the others is decided in `backend-tls.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

function parse(text: string): Parsed<string> {
  const [namespace = '', name = '', ...rest] = text.trim().split('/');
  if (rest.length > 0 || !NAME.test(namespace) || !NAME.test(name)) {
    return { problem: 'expected the namespace and name of a secret, such as shop/backend-tls' };
  }
  return { value: `${namespace}/${name}` };
}

export const proxySslSecret: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-secret',
  scope: 'location',
  risk: 'low',
  guards: true,
  doc: 'Secret (`namespace/name`, of the namespace of the Ingress) for TLS to backends: `tls.crt` and `tls.key` are shown to backends that ask, `ca.crt` is what `proxy-ssl-verify` trusts. Without it the other `proxy-ssl-*` have no effect. A Secret that cannot be used closes the routes (503).',
  example: 'shop/backend-tls',
  parse,
  apply: (settings, value) => {
    settings.backend.sslSecret = value;
  },
});
