/** OpenSSL's form of the certificates in use: made at the first handshake that needs it, kept for those used last. */
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { CertificateTable, ServedCertificate } from '../../live/certificate-table.ts';
import type { ClientCa } from '../../model/proxy-config.ts';
import { toContextOptions } from './tls-policy.ts';

/** A context takes about 33 KB of memory, and 0.3 ms to make (2-core machine, P-256 or RSA 2048). */
const MAX_CONTEXTS = 1_000;

/** Those of one certificate by whom clients must be signed by; nearly always one of them. Empty: clients are not judged. */
type Variants = Map<string, SecureContext>;

/** So many authorities ask for one certificate in turn before the oldest context is made anew. */
const MAX_VARIANTS = 16;

export class SecureContexts {
  readonly #contexts: LRUCache<ServedCertificate, Variants>;

  constructor(maxContexts: number = MAX_CONTEXTS) {
    this.#contexts = new LRUCache({ max: maxContexts });
  }

  /** Certificates with at least one context. */
  get size(): number {
    return this.#contexts.size;
  }

  /**
   * Throws if certificate and key are unusable.
   * @param clientCa who must have signed the certificates of clients; null = theirs are not judged
   */
  contextFor(certificate: ServedCertificate, clientCa: ClientCa | null): SecureContext {
    const variant = clientCa?.fingerprint ?? '';
    const variants: Variants = this.#contexts.get(certificate) ?? new Map<string, SecureContext>();
    const known = variants.get(variant);
    if (known !== undefined) return known;
    const context = createSecureContext(toContextOptions(certificate, clientCa));
    const [oldest] = variants.keys();
    if (oldest !== undefined && variants.size >= MAX_VARIANTS) variants.delete(oldest);
    variants.set(variant, context);
    this.#contexts.set(certificate, variants);
    return context;
  }

  /** Forgets certificates that are no longer served, and their keys with them. */
  retain(table: CertificateTable): void {
    for (const certificate of this.#contexts.keys()) if (!table.has(certificate)) this.#contexts.delete(certificate);
  }
}
