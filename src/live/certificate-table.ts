/**
 * Picks the certificate of a TLS handshake by SNI: the exact name, then `*.` with the first label replaced, then the
 * default. Contexts are built at first use and carried over to the next generation while the certificate is the same.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { CertificateConfig } from '../model/proxy-config.ts';

export class CertificateTable {
  readonly #byHost: ReadonlyMap<string, CertificateEntry>;
  readonly #byFingerprint: ReadonlyMap<string, CertificateEntry>;
  readonly #default: CertificateEntry | null;

  constructor(certificates: readonly CertificateConfig[], previous: CertificateTable | null) {
    const byHost = new Map<string, CertificateEntry>();
    const byFingerprint = new Map<string, CertificateEntry>();
    let fallback: CertificateEntry | null = null;
    for (const certificate of certificates) {
      const known = previous === null ? undefined : previous.#byFingerprint.get(certificate.fingerprint);
      const entry = known?.holds(certificate) === true ? known : new CertificateEntry(certificate);
      byFingerprint.set(certificate.fingerprint, entry);
      if (certificate.isDefault) fallback = entry;
      for (const host of certificate.hosts) if (!byHost.has(host)) byHost.set(host, entry);
    }
    this.#byHost = byHost;
    this.#byFingerprint = byFingerprint;
    this.#default = fallback;
  }

  /** What a client that names nobody gets. */
  get default(): CertificateConfig | null {
    return this.#default === null ? null : this.#default.config;
  }

  /** Null when nobody answers for the name and there is no default. Throws if the certificate is unusable. */
  contextFor(serverName: string): SecureContext | null {
    const name = normaliseServerName(serverName);
    const exact = this.#byHost.get(name);
    if (exact !== undefined) return exact.context();
    const dot = name.indexOf('.');
    const wildcard = dot > 0 ? this.#byHost.get(`*${name.slice(dot)}`) : undefined;
    return (wildcard ?? this.#default)?.context() ?? null;
  }
}

class CertificateEntry {
  readonly config: CertificateConfig;
  #context: SecureContext | null;

  constructor(config: CertificateConfig) {
    this.config = config;
    this.#context = null;
  }

  /** Same leaf, same chain and same key, so the context may stay. */
  holds(config: CertificateConfig): boolean {
    return this.config.certPem === config.certPem && this.config.keyPem === config.keyPem;
  }

  context(): SecureContext {
    this.#context ??= createSecureContext({
      cert: this.config.certPem,
      key: this.config.keyPem,
      minVersion: 'TLSv1.2',
    });
    return this.#context;
  }
}

function normaliseServerName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
