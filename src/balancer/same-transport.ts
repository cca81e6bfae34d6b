/** Whether connections made for one configuration may serve another: everything that changes who is spoken to, and how. */
import type { KeyPair } from '../model/objects.ts';
import type { TransportConfig, UpstreamTlsConfig } from '../model/proxy-config.ts';

export function isSameTransport(a: TransportConfig, b: TransportConfig): boolean {
  return a.protocol === b.protocol && a.sendProxyProtocol === b.sendProxyProtocol && isSameTls(a.tls, b.tls);
}

function isSameTls(a: UpstreamTlsConfig | null, b: UpstreamTlsConfig | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.serverName === b.serverName &&
    a.sendServerName === b.sendServerName &&
    a.verify === b.verify &&
    a.verifyDepth === b.verifyDepth &&
    a.caPem === b.caPem &&
    a.minVersion === b.minVersion &&
    a.maxVersion === b.maxVersion &&
    a.ciphers === b.ciphers &&
    isSameKeyPair(a.clientCertificate, b.clientCertificate)
  );
}

/** The intermediate certificates count too, and so does a new key for an old name. */
function isSameKeyPair(a: KeyPair | null, b: KeyPair | null): boolean {
  return a === null || b === null ? a === b : a.certPem === b.certPem && a.keyPem === b.keyPem;
}
