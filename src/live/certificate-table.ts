/**
 * Picks the certificate of a TLS handshake by SNI: the exact name, then `*.` with the first label replaced, then the
 * default. A pure lookup: what OpenSSL makes of a certificate is kept by `proxy/tls/secure-contexts.ts`.
 */
import type { CertificateConfig } from '../model/proxy-config.ts';

/**
 * Leaf, chain and key. The same object from generation to generation while all three are the same, so that whatever was
 * derived from it can be kept under it.
 */
export interface ServedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly fingerprint: string;
}

export class CertificateTable {
  readonly #byHost: ReadonlyMap<string, ServedCertificate>;
  readonly #byFingerprint: ReadonlyMap<string, ServedCertificate>;
  readonly #served: ReadonlySet<ServedCertificate>;
  readonly #default: ServedCertificate | null;

  constructor(certificates: readonly CertificateConfig[], previous: CertificateTable | null) {
    const byHost = new Map<string, ServedCertificate>();
    const byFingerprint = new Map<string, ServedCertificate>();
    const served = new Set<ServedCertificate>();
    let fallback: ServedCertificate | null = null;
    for (const certificate of certificates) {
      const { certPem, keyPem, fingerprint } = certificate;
      const known = previous === null ? undefined : previous.#byFingerprint.get(fingerprint);
      // The fingerprint speaks of the leaf only: a new chain or key is another certificate.
      const same = known !== undefined && known.certPem === certPem && known.keyPem === keyPem;
      const entry = same ? known : { certPem, keyPem, fingerprint };
      byFingerprint.set(fingerprint, entry);
      served.add(entry);
      if (certificate.isDefault) fallback = entry;
      for (const host of certificate.hosts) if (!byHost.has(host)) byHost.set(host, entry);
    }
    this.#byHost = byHost;
    this.#byFingerprint = byFingerprint;
    this.#served = served;
    this.#default = fallback;
  }

  /** What a client that names nobody gets. */
  get default(): ServedCertificate | null {
    return this.#default;
  }

  has(certificate: ServedCertificate): boolean {
    return this.#served.has(certificate);
  }

  /** Null when nobody answers for the name and there is no default. */
  certificateFor(serverName: string): ServedCertificate | null {
    const name = normaliseServerName(serverName);
    const exact = this.#byHost.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    const wildcard = dot > 0 ? this.#byHost.get(`*${name.slice(dot)}`) : undefined;
    return wildcard ?? this.#default;
  }
}

function normaliseServerName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
