/** Turns two PEM texts into a checked certificate chain with its key. No message here ever holds key material. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { KeyPair } from '../model/objects.ts';

export type KeyPairResult = { readonly keyPair: KeyPair } | { readonly error: string };

export type AuthoritiesResult = { readonly caPem: string } | { readonly error: string };

const MAX_CERTIFICATE_LENGTH = 262_144;
const MAX_KEY_LENGTH = 65_536;
const CERTIFICATE_BEGIN = '-----BEGIN CERTIFICATE-----';
const CERTIFICATE_END = '-----END CERTIFICATE-----';

/** `certPem` holds the leaf first, then the intermediate certificates. Expiry is not checked: that is a matter of time. */
export function parseKeyPair(certPem: string, keyPem: string): KeyPairResult {
  if (certPem.length > MAX_CERTIFICATE_LENGTH)
    return { error: `the certificate has more than ${MAX_CERTIFICATE_LENGTH} characters` };
  if (keyPem.length > MAX_KEY_LENGTH) return { error: `the private key has more than ${MAX_KEY_LENGTH} characters` };
  const blocks = splitCertificates(certPem);
  if (blocks.length === 0) return { error: `the certificate has no ${CERTIFICATE_BEGIN} block` };
  const chain: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const certificate = attempt(() => new X509Certificate(block));
    if (certificate === null)
      return { error: `certificate ${index + 1} of ${blocks.length} in the chain cannot be read` };
    chain.push(certificate);
  }
  if (keyPem.includes('ENCRYPTED')) return { error: 'the private key is encrypted; store it without a passphrase' };
  const key = attempt(() => createPrivateKey({ key: keyPem, format: 'pem' }));
  if (key === null)
    return { error: 'the private key cannot be read; expected one PEM block of PKCS #8, PKCS #1 or SEC 1' };
  return checkPair(blocks, chain, key);
}

function checkPair(blocks: readonly string[], chain: readonly X509Certificate[], key: KeyObject): KeyPairResult {
  const [leaf] = chain;
  if (leaf === undefined || !isPair(leaf, key)) {
    const place = chain.findIndex((certificate) => isPair(certificate, key));
    if (place > 0)
      return { error: `the private key belongs to certificate ${place + 1} of the chain; put that one first` };
    return { error: 'the private key does not belong to the certificate' };
  }
  const certPem = `${blocks.join('\n')}\n`;
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' });
  // What OpenSSL would refuse at the first handshake (keys too small, odd curves) is to be known now.
  const fault = findContextFault(certPem, keyPem);
  if (fault !== null) return { error: `the key pair cannot be used for TLS (${fault})` };
  const { fingerprint256: fingerprint, validToDate } = leaf;
  return { keyPair: { certPem, keyPem, fingerprint, dnsNames: dnsNamesOf(leaf), notAfter: validToDate.getTime() } };
}

function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  return attempt(() => certificate.checkPrivateKey(key)) ?? false;
}

/** OpenSSL's reason, e.g. `ee key too small`; null when the pair is fine. */
function findContextFault(cert: string, key: string): string | null {
  try {
    createSecureContext({ cert, key });
    return null;
  } catch (error) {
    return error instanceof Error && 'reason' in error ? String(error.reason) : 'unknown reason';
  }
}

/** Null when OpenSSL refuses: its messages name internals that help nobody. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** The certificates to trust that a PEM text holds; nothing else of it is kept. */
export function parseAuthorities(pem: string): AuthoritiesResult {
  if (pem.length > MAX_CERTIFICATE_LENGTH) return { error: `has more than ${MAX_CERTIFICATE_LENGTH} characters` };
  const blocks = splitCertificates(pem);
  if (blocks.length === 0) return { error: `has no ${CERTIFICATE_BEGIN} block` };
  const broken = blocks.findIndex((block) => attempt(() => new X509Certificate(block)) === null);
  if (broken !== -1) return { error: `holds a certificate that cannot be read, ${broken + 1} of ${blocks.length}` };
  return { caPem: `${blocks.join('\n')}\n` };
}

/** Only the blocks themselves: what stands between them (bags, comments) is not for the data plane. */
export function splitCertificates(pem: string): readonly string[] {
  const blocks: string[] = [];
  for (let begin = pem.indexOf(CERTIFICATE_BEGIN); begin !== -1; begin = pem.indexOf(CERTIFICATE_BEGIN, begin + 1)) {
    const end = pem.indexOf(CERTIFICATE_END, begin);
    if (end === -1) break;
    blocks.push(pem.slice(begin, end + CERTIFICATE_END.length));
  }
  return blocks;
}

/** DNS names of the SANs; without any SAN, the common name. */
function dnsNamesOf(certificate: X509Certificate): readonly string[] {
  const names = certificate.subjectAltName;
  if (names === undefined) {
    const commonName = certificate.subject?.split('\n').find((line) => line.startsWith('CN='));
    return commonName === undefined ? [] : [commonName.slice('CN='.length).toLowerCase()];
  }
  // Node puts a name that itself holds a comma or quote in quotes: such a thing is no DNS name.
  const entries = names.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return entries
    .map((entry) => entry.trim())
    .filter((entry) => entry.startsWith('DNS:') && !entry.includes('"'))
    .map((entry) => entry.slice('DNS:'.length).toLowerCase());
}
