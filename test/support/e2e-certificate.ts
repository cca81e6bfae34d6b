/** Makes the key pairs that end-to-end tests put into Secrets: each certificate is its own authority. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';

export interface TestCertificate {
  /** PEM; also what a client has to trust. */
  readonly cert: string;
  readonly key: string;
  /** As in `getPeerCertificate().fingerprint256`. */
  readonly fingerprint256: string;
  /** `data` of a `kubernetes.io/tls` Secret. */
  readonly secretData: { readonly 'tls.crt': string; readonly 'tls.key': string };
}

/** `names` are DNS names, perhaps with a wildcard. Two calls never give the same certificate. */
export function makeCertificate(...names: readonly string[]): TestCertificate {
  const subject = ['-subj', '/CN=sluice end-to-end', '-addext', `subjectAltName=${names.map(toAltName).join(',')}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const options = ['-x509', ...curve, '-days', '2', ...subject, '-keyout', '-'];
  const output = execFileSync('openssl', ['req', ...options], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const cert = blockOf(output, 'CERTIFICATE');
  const key = blockOf(output, 'PRIVATE KEY');
  const { fingerprint256 } = new X509Certificate(cert);
  return { cert, key, fingerprint256, secretData: { 'tls.crt': base64(cert), 'tls.key': base64(key) } };
}

function toAltName(name: string): string {
  return `DNS:${name}`;
}

function blockOf(output: string, label: string): string {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----\n`).exec(output)?.[0];
  if (block === undefined) throw new Error(`openssl printed no ${label.toLowerCase()}`);
  return block;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
