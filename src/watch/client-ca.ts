/** Turns a PEM text into the certificates of those who may sign client certificates. Their expiry is a matter of time, as elsewhere. */
import { createHash, X509Certificate } from 'node:crypto';
import type { ClientCa } from '../model/proxy-config.ts';
import { parseAuthorities, splitCertificates } from './key-pair.ts';

export type ClientCaResult = { readonly ca: ClientCa; readonly notAfter: number } | { readonly error: string };

/** `notAfter` is that of the certificate that expires last, in milliseconds since 1970. */
export function parseClientCa(text: string): ClientCaResult {
  const parsed = parseAuthorities(text);
  if ('error' in parsed) return parsed;
  const hash = createHash('sha256');
  let notAfter = 0;
  for (const block of splitCertificates(parsed.caPem)) {
    const certificate = new X509Certificate(block);
    hash.update(certificate.raw);
    notAfter = Math.max(notAfter, certificate.validToDate.getTime());
  }
  const fingerprint = hash.digest('hex').toUpperCase().match(/../g)?.join(':') ?? '';
  return { ca: { pem: parsed.caPem, fingerprint }, notAfter };
}
