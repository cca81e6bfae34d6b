/** Declares `proxy-ssl-ciphers`. How it combines with the others is decided in `backend-tls.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const CIPHERS = /^[A-Za-z0-9!:,+._=@-]{1,1024}$/;

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return CIPHERS.test(value) ? { value } : { problem: 'expected a list of ciphers in the form of OpenSSL' };
}

export const proxySslCiphers: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-ciphers',
  scope: 'location',
  risk: 'low',
  doc: 'Ciphers of TLS 1.2 to backends, as a list of OpenSSL.',
  example: 'HIGH:!aNULL:!MD5',
  parse,
  apply: (settings, value) => {
    settings.backend.sslCiphers = value;
  },
});
