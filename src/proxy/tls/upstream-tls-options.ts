/** What is sent and demanded in a TLS handshake with an endpoint, by requests and by probes alike. */
import { isIP } from 'node:net';
import tls from 'node:tls';
import type { UpstreamTlsConfig } from '../../model/proxy-config.ts';
import type { UpstreamContexts } from './upstream-contexts.ts';

/**
 * Throws when OpenSSL refuses the certificates, the key or the ciphers.
 * @param address of the endpoint: its name where the configuration gives none
 */
export function toUpstreamTlsOptions(
  config: UpstreamTlsConfig,
  address: string,
  contexts: UpstreamContexts,
  alpnProtocols: readonly string[],
): tls.ConnectionOptions {
  return {
    secureContext: contexts.contextFor(config),
    servername: toSni(config, address),
    rejectUnauthorized: config.verify,
    checkServerIdentity: (_name, certificate) => check(config, address, certificate),
    ALPNProtocols: [...alpnProtocols],
  };
}

/** Empty: none is sent. */
export function toSni(config: UpstreamTlsConfig, address: string): string {
  const name = expectedName(config, address);
  return config.sendServerName && isIP(name) === 0 ? name : '';
}

/** `h2` alone is a demand; an endpoint that knows no ALPN speaks HTTP/1.1. */
export function findAlpnFault(socket: tls.TLSSocket, alpnProtocols: readonly string[]): Error | null {
  const demandsHttp2 = alpnProtocols.length === 1 && alpnProtocols[0] === 'h2';
  return demandsHttp2 && socket.alpnProtocol !== 'h2' ? new Error('the endpoint does not choose h2 by ALPN') : null;
}

/** What the certificate must be made out to. */
function expectedName(config: UpstreamTlsConfig, address: string): string {
  return config.serverName === '' ? address : config.serverName;
}

function check(config: UpstreamTlsConfig, address: string, certificate: tls.PeerCertificate): Error | undefined {
  const intermediates = countIntermediates(certificate);
  if (intermediates > config.verifyDepth) {
    return new Error(`chain with ${intermediates} intermediate certificates; at most ${config.verifyDepth}`);
  }
  return tls.checkServerIdentity(expectedName(config, address), certificate);
}

/** Between the endpoint's own certificate and the one it is trusted by, which Node appends. */
function countIntermediates(leaf: tls.PeerCertificate): number {
  let count = 0;
  let certificate = leaf as tls.DetailedPeerCertificate;
  for (;;) {
    const issuer: tls.DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    if (issuer === undefined || issuer === certificate || issuer.fingerprint256 === certificate.fingerprint256) break;
    count++;
    certificate = issuer;
  }
  return Math.max(0, count - 1);
}
