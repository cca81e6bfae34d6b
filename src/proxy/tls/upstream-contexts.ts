/**
 * OpenSSL's form of what upstreams trust and show: one context for all endpoints and upstreams that agree, made at the first
 * connection that needs it, kept for those used last.
 */
import { createHash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { UpstreamTlsConfig } from '../../model/proxy-config.ts';
import { toUpstreamContextOptions } from './tls-policy.ts';

const MAX_CONTEXTS = 1_000;

export class UpstreamContexts {
  readonly #contexts: LRUCache<string, SecureContext>;
  /** Hashing a bundle of authorities for every connection would cost more than the rest of it. */
  readonly #keys: WeakMap<UpstreamTlsConfig, string>;

  constructor(maxContexts: number = MAX_CONTEXTS) {
    this.#contexts = new LRUCache({ max: maxContexts });
    this.#keys = new WeakMap();
  }

  get size(): number {
    return this.#contexts.size;
  }

  /** Throws if certificates, key or ciphers are unusable. */
  contextFor(config: UpstreamTlsConfig): SecureContext {
    let key = this.#keys.get(config);
    if (key === undefined) {
      key = keyOf(config);
      this.#keys.set(config, key);
    }
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = createSecureContext(toUpstreamContextOptions(config));
      this.#contexts.set(key, context);
    }
    return context;
  }
}

/** A digest, so that no second copy of a private key stays around as a key of a map. */
function keyOf({ caPem, clientCertificate, minVersion, maxVersion, ciphers }: UpstreamTlsConfig): string {
  const { certPem = null, keyPem = null } = clientCertificate ?? {};
  return createHash('sha256')
    .update(JSON.stringify([caPem, certPem, keyPem, minVersion, maxVersion, ciphers]))
    .digest('base64');
}
