/** All upstreams of one worker by id. Identity lives here: what keeps its id keeps its object across configurations. */
import type { EndpointChange, HealthChange, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import type { CreateTransport } from './endpoint.ts';
import { Upstream } from './upstream.ts';

export class UpstreamRegistry {
  readonly #createTransport: CreateTransport;
  readonly #seed: number;
  readonly #workers: number;
  readonly #upstreams: Map<UpstreamId, Upstream>;

  /**
   * `seed` (a 32-bit integer) should differ between workers, so that they do not all begin with the same endpoints;
   * `workers` is how many of them share the limits of an upstream.
   */
  constructor(createTransport: CreateTransport, seed: number, workers: number = 1) {
    this.#createTransport = createTransport;
    this.#seed = seed;
    this.#workers = workers;
    this.#upstreams = new Map();
  }

  get(id: UpstreamId): Upstream | null {
    return this.#upstreams.get(id) ?? null;
  }

  /** Creates the upstream or brings it up to date. */
  ensure(config: UpstreamConfig): Upstream {
    let upstream = this.#upstreams.get(config.id);
    if (upstream === undefined) {
      upstream = new Upstream(config.id, config.balancer, this.#seed ^ hashOf(config.id));
      upstream.useAlgorithm(config.balancer, config.hashing);
      upstream.useTransport(config, this.#createTransport);
      upstream.update(config.endpoints, this.#createTransport);
      this.#upstreams.set(config.id, upstream);
    } else {
      upstream.useAlgorithm(config.balancer, config.hashing);
      upstream.useTransport(config, this.#createTransport);
      upstream.update(config.endpoints, this.#createTransport);
    }
    upstream.traffic.use(config, this.#workers);
    return upstream;
  }

  /** When all of them exist. */
  linkBackups(configs: readonly UpstreamConfig[]): void {
    for (const { id, backup } of configs) {
      const upstream = this.#upstreams.get(id);
      if (upstream !== undefined) upstream.backup = backup === null ? null : this.get(backup);
    }
  }

  /** Closes and forgets every upstream that is not named. */
  retain(ids: ReadonlySet<UpstreamId>): void {
    for (const [id, upstream] of this.#upstreams) {
      if (ids.has(id)) continue;
      this.#upstreams.delete(id);
      upstream.close();
    }
  }

  /** False when there is no such upstream (a change that overtook, or lost the race with, its configuration). */
  applyEndpoints(change: EndpointChange): boolean {
    const upstream = this.#upstreams.get(change.upstreamId);
    upstream?.update(change.endpoints, this.#createTransport);
    return upstream !== undefined;
  }

  /** Passes verdicts on, with one rebuild per upstream. Those about unknown upstreams or endpoints are ignored. */
  applyHealth(changes: readonly HealthChange[]): void {
    for (const [id, verdicts] of Map.groupBy(changes, (change) => change.upstreamId)) {
      this.#upstreams.get(id)?.applyVerdicts(verdicts);
    }
  }

  all(): Iterable<Upstream> {
    return this.#upstreams.values();
  }
}

/** FNV-1a, so that upstreams that share their pods do not send their first requests to the same one. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return hash;
}
