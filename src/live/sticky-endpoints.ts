/**
 * Where the keys of session cookies lead in one upstream. Keys and hashes are those of the nginx dialect, so that clients
 * keep their endpoint when they come over from there. What is known here belongs to the upstream and outlives generations;
 * it is made when the first request asks, and again when endpoints have changed.
 */
import { createHash } from 'node:crypto';
import type { Endpoint } from '../balancer/endpoint.ts';
import { HashRing } from '../balancer/hash-ring.ts';
import type { Upstream } from '../balancer/upstream.ts';
import { crc32 } from '../model/crc32.ts';
import type { UpstreamConfig } from '../model/proxy-config.ts';

export class StickyEndpoints {
  /** What cookies call the upstream. */
  readonly hash: string;
  readonly #upstream: Upstream;
  readonly #name: string;
  readonly #ring: HashRing;
  /** By persistent key; null = not asked for yet. */
  #byKey: Map<string, Endpoint> | null;
  /** The endpoints that `#ring` and `#byKey` are about: the upstream replaces the list when anything changes. */
  #seen: readonly Endpoint[] | null;
  #endpoints: readonly Endpoint[];
  #ringIsBuilt: boolean;

  /** @param name `toAffinityName` */
  constructor(upstream: Upstream, name: string) {
    this.hash = md5(md5(name) + name);
    this.#upstream = upstream;
    this.#name = name;
    this.#ring = new HashRing();
    this.#byKey = null;
    this.#seen = null;
    this.#endpoints = [];
    this.#ringIsBuilt = false;
  }

  /** Hot. Where a balanced key leads, whoever made it; null only without endpoints. */
  findBalanced(key: string): Endpoint | null {
    this.#meetEndpoints();
    if (!this.#ringIsBuilt) this.#ring.rebuild(this.#endpoints);
    this.#ringIsBuilt = true;
    return this.#ring.lookup(crc32(key));
  }

  /** Hot. Null when the endpoint is gone or takes no requests, and for any other text. */
  findPersistent(key: string): Endpoint | null {
    this.#meetEndpoints();
    this.#byKey ??= new Map(this.#endpoints.map((endpoint) => [this.persistentKey(endpoint), endpoint]));
    return this.#byKey.get(key) ?? null;
  }

  persistentKey(endpoint: Endpoint): string {
    return md5(this.#name + endpoint.id);
  }

  #meetEndpoints(): void {
    const { available, endpoints } = this.#upstream;
    if (available === this.#seen) return;
    this.#seen = available;
    this.#ringIsBuilt = false;
    this.#byKey = null;
    const mayPick = new Set(available);
    this.#endpoints = endpoints.filter((endpoint) => mayPick.has(endpoint) || keepsSessions(endpoint));
  }
}

/** Its sessions may finish there, though nothing new begins. */
function keepsSessions({ draining, healthy, passive, weight }: Endpoint): boolean {
  return draining && healthy && !passive.ejected && weight > 0;
}

/** `namespace-service-port` where there is a Service, as cookies of the dialect have it. */
export function toAffinityName({ id, backend }: Pick<UpstreamConfig, 'id' | 'backend'>): string {
  return backend === null ? id : `${backend.namespace}-${backend.service}-${backend.port}`;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
