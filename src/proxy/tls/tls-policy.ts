/**
 * What every TLS connection is held to: versions, ciphers, sessions. Towards clients there is one policy for the whole
 * process, and names differ in their certificate and in who must have signed those of clients; upstreams may ask for more or
 * less. Early data (0-RTT) is never offered: Node leaves it at 0 bytes.
 */
import { constants, createHash } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { ServedCertificate } from '../../live/certificate-table.ts';
import type { ClientCertificateRules } from '../../live/client-certificates.ts';
import type { ClientCa, UpstreamTlsConfig } from '../../model/proxy-config.ts';

/**
 * AEAD with forward secrecy only (RFC 9325 §4.2). No finite-field DHE: it makes the server work more than the client, and
 * whoever speaks TLS 1.2 with AEAD speaks ECDHE.
 */
const CIPHERS: readonly string[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

/** How long a session may be resumed; a ticket is worth nothing after the next change of keys anyway. */
const SESSION_SECONDS = 7_200;

/**
 * OpenSSL takes up a session only under the id context it was made under, and never asks for the name then. So this must
 * name who judged the client of a session: with one value for two authorities, a certificate that one of them signed, or
 * none at all, would be good where the other is demanded (`docs/adr/0011-shared-ticket-keys.md`). At most 32 bytes.
 */
const NOBODY_ASKED = 'sluice/no-client-certificates';

/**
 * For a name: the certificate, and what is negotiated with it. Null: no handshake succeeds.
 * @param clientCa null leaves OpenSSL its public authorities: what they find good must not be believed
 */
export function toContextOptions(
  certificate: ServedCertificate | null,
  clientCa: ClientCa | null = null,
): SecureContextOptions {
  return {
    ...(certificate === null ? {} : { cert: certificate.certPem, key: certificate.keyPem }),
    ...(clientCa === null ? {} : { ca: clientCa.pem }),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS.join(':'),
    honorCipherOrder: true,
    // Our order, except for clients that put ChaCha20 first: they have no AES in hardware.
    secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA,
    ecdhCurve: 'auto',
  };
}

/**
 * For a listener: its default certificate, and the sessions. OpenSSL seals and opens tickets with the keys of the context a
 * handshake begins with, whatever name is asked for then.
 * @param ticketKeys 48 bytes; null = OpenSSL makes up its own, which no other context knows
 * @param rules null = clients are not asked for certificates
 */
export function toListenerOptions(
  certificate: ServedCertificate | null,
  ticketKeys: Uint8Array | null,
  rules: ClientCertificateRules | null,
): SecureContextOptions {
  const clientCa = rules === null ? null : (rules.soleCa ?? rules.ruleFor('')?.ca ?? null);
  const options = toContextOptions(certificate, clientCa);
  // Node keeps no sessions of its own, so without tickets none is resumed.
  const noTickets = rules !== null && rules.soleCa === null ? constants.SSL_OP_NO_TICKET : 0;
  return {
    ...options,
    secureOptions: (options.secureOptions ?? 0) | noTickets,
    ...(ticketKeys === null ? {} : { ticketKeys: Buffer.from(ticketKeys) }),
    sessionIdContext: rules === null ? NOBODY_ASKED : toSessionIdContext(rules),
    sessionTimeout: SESSION_SECONDS,
  };
}

function toSessionIdContext({ soleCa, key }: ClientCertificateRules): string {
  return createHash('sha256')
    .update(soleCa?.fingerprint ?? key)
    .digest('hex')
    .slice(0, 32);
}

/** For the endpoints of an upstream. Whether their certificates are looked at is decided per connection. */
export function toUpstreamContextOptions(config: UpstreamTlsConfig): SecureContextOptions {
  const { caPem, clientCertificate, minVersion, maxVersion, ciphers } = config;
  return {
    ...(caPem === null ? {} : { ca: caPem }),
    ...(clientCertificate === null ? {} : { cert: clientCertificate.certPem, key: clientCertificate.keyPem }),
    minVersion,
    maxVersion,
    // Node would take a list without any cipher of TLS 1.3 for a wish to do without TLS 1.3.
    ciphers: ciphers === '' ? CIPHERS.join(':') : [...CIPHERS.filter(isTls13), ciphers].join(':'),
    // A second handshake in the middle of a response could show another certificate, which nobody would look at.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ecdhCurve: 'auto',
  };
}

function isTls13(cipher: string): boolean {
  return cipher.startsWith('TLS_');
}
