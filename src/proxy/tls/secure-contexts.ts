/** OpenSSL's form of the certificates in use: made at the first handshake that needs it, kept for those used last. */
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { CertificateTable, ServedCertificate } from '../../live/certificate-table.ts';
import { toContextOptions } from './tls-policy.ts';

/** A context takes about 33 KB of memory, and 0.3 ms to make (2-core machine, P-256 or RSA 2048). */
const MAX_CONTEXTS = 1_000;

export class SecureContexts {
  readonly #contexts: LRUCache<ServedCertificate, SecureContext>;

  constructor(maxContexts: number = MAX_CONTEXTS) {
    this.#contexts = new LRUCache({ max: maxContexts });
  }

  get size(): number {
    return this.#contexts.size;
  }

  /** Throws if certificate and key are unusable. */
  contextFor(certificate: ServedCertificate): SecureContext {
    let context = this.#contexts.get(certificate);
    if (context === undefined) {
      context = createSecureContext(toContextOptions(certificate));
      this.#contexts.set(certificate, context);
    }
    return context;
  }

  /** Forgets certificates that are no longer served, and their keys with them. */
  retain(table: CertificateTable): void {
    for (const certificate of this.#contexts.keys()) if (!table.has(certificate)) this.#contexts.delete(certificate);
  }
}
