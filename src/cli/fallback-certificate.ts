/** The certificate shown for names nobody has one for: made at start, self-signed, kept in memory only. */
import { X509Certificate } from 'node:crypto';
import type { KeyPair } from '../model/objects.ts';

const LIFETIME_MS = 365 * 24 * 3_600_000;

export async function makeFallbackCertificate(): Promise<KeyPair> {
  // Loaded on demand: it brings a whole ASN.1 stack, which commands that serve nothing must not pay for.
  const { generate } = await import('selfsigned');
  const now = Date.now();
  const pems = await generate([{ name: 'commonName', value: 'Sluice default certificate' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 3_600_000),
    notAfterDate: new Date(now + LIFETIME_MS),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'sluice.invalid' }] }],
  });
  return {
    certPem: pems.cert,
    keyPem: pems.private,
    fingerprint: new X509Certificate(pems.cert).fingerprint256,
    dnsNames: ['sluice.invalid'],
    notAfter: now + LIFETIME_MS,
  };
}
