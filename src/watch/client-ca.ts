/** Turns a PEM text into the certificates of those who may sign client certificates. Their expiry is a matter of time, as elsewhere. */
import { createHash, X509Certificate } from 'node:crypto';
import type { ClientCa } from '../model/proxy-config.ts';
import { CERTIFICATE_BEGIN, splitCertificates } from './key-pair.ts';

export type ClientCaResult = { readonly ca: ClientCa; readonly notAfter: number } | { readonly error: string };

const MAX_LENGTH = 262_144;

/** `notAfter` is that of the certificate that expires last, in milliseconds since 1970. */
export function parseClientCa(text: string): ClientCaResult {
  if (text.length > MAX_LENGTH) return { error: `the file has more than ${MAX_LENGTH} characters` };
  const blocks = splitCertificates(text);
  if (blocks.length === 0) return { error: `the file has no ${CERTIFICATE_BEGIN} block` };
  const hash = createHash('sha256');
  let notAfter = 0;
  for (const [index, block] of blocks.entries()) {
    const certificate = readCertificate(block);
    if (certificate === null) return { error: `certificate ${index + 1} of ${blocks.length} cannot be read` };
    hash.update(certificate.raw);
    notAfter = Math.max(notAfter, certificate.validToDate.getTime());
  }
  const fingerprint = hash.digest('hex').toUpperCase().match(/../g)?.join(':') ?? '';
  return { ca: { pem: `${blocks.join('\n')}\n`, fingerprint }, notAfter };
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
