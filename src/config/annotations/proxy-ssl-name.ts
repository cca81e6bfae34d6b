/** Declares `proxy-ssl-name`. How it combines with the others is decided in `backend-tls.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
const MAX_LENGTH = 253;

function parse(text: string): Parsed<string> {
  const value = text.trim().toLowerCase();
  return value.length <= MAX_LENGTH && NAME.test(value) ? { value } : { problem: 'expected a host name' };
}

export const proxySslName: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-name',
  scope: 'location',
  risk: 'low',
  guards: true,
  doc: 'The name that the certificate of backends must hold, and that `proxy-ssl-server-name` sends. Without it the address of the endpoint counts.',
  example: 'web.shop.internal',
  parse,
  apply: (settings, value) => {
    settings.backend.sslName = value;
  },
});
