/** All upstreams of one worker by id. Identity lives here: what keeps its id keeps its object across configurations. */
import type {
  EjectionChange,
  EndpointChange,
  HealthChange,
  UpstreamConfig,
  UpstreamId,
} from '../model/proxy-config.ts';
import type { CreateTransport } from './endpoint.ts';
import { Upstream, type UpstreamHost } from './upstream.ts';

export interface RegistryEvents {
  /** What this worker found out since the last tick. */
  onEjectionChanges(changes: readonly EjectionChange[]): void;
  /** It has begun to ignore health. */
  onPanic(upstream: Upstream): void;
}

const NOBODY_LISTENS: RegistryEvents = { onEjectionChanges: () => undefined, onPanic: () => undefined };

export class UpstreamRegistry implements UpstreamHost {
  /** As of the last tick. */
  nowMs: number;
  readonly #createTransport: CreateTransport;
  readonly #seed: number;
  readonly #workers: number;
  readonly #upstreams: Map<UpstreamId, Upstream>;
  /** No longer configured; closed once nobody waits for room there. */
  readonly #leaving: Map<UpstreamId, Upstream>;
  readonly #events: RegistryEvents;
  /** Those that want ticks. */
  readonly #awake: Set<Upstream>;
  #ejectionChanges: EjectionChange[];

  /**
   * `seed` (a 32-bit integer) should differ between workers, so that they do not all begin with the same endpoints;
   * `workers` is how many of them share the limits of an upstream.
   */
  constructor(
    createTransport: CreateTransport,
    seed: number,
    workers: number = 1,
    events: RegistryEvents = NOBODY_LISTENS,
  ) {
    this.nowMs = 0;
    this.#createTransport = createTransport;
    this.#seed = seed;
    this.#workers = workers;
    this.#upstreams = new Map();
    this.#leaving = new Map();
    this.#events = events;
    this.#awake = new Set();
    this.#ejectionChanges = [];
  }

  get(id: UpstreamId): Upstream | null {
    return this.#upstreams.get(id) ?? null;
  }

  /** Creates the upstream or brings it up to date, also one that was on its way out. */
  ensure(config: UpstreamConfig): Upstream {
    let upstream = this.#upstreams.get(config.id) ?? this.#takeBack(config.id);
    if (upstream === undefined) {
      upstream = new Upstream(config.id, config.balancer, this.#seed ^ hashOf(config.id), this);
      upstream.useAlgorithm(config.balancer, config.hashing);
      upstream.usePolicy(config);
      upstream.useTransport(config, this.#createTransport);
      upstream.update(config.endpoints, this.#createTransport);
      this.#upstreams.set(config.id, upstream);
    } else {
      upstream.useAlgorithm(config.balancer, config.hashing);
      upstream.usePolicy(config);
      upstream.useTransport(config, this.#createTransport);
      upstream.update(config.endpoints, this.#createTransport);
    }
    upstream.backend = config.backend;
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

  /** Forgets every upstream that is not named, and closes it as soon as nobody waits for room there. */
  retain(ids: ReadonlySet<UpstreamId>): void {
    for (const upstream of this.#upstreams.values()) if (!ids.has(upstream.id)) this.#remove(upstream);
  }

  /** The same for these; unknown ones are ignored. */
  remove(ids: readonly UpstreamId[]): void {
    for (const id of ids) {
      const upstream = this.#upstreams.get(id);
      if (upstream !== undefined) this.#remove(upstream);
    }
  }

  #takeBack(id: UpstreamId): Upstream | undefined {
    const upstream = this.#leaving.get(id);
    if (upstream === undefined) return undefined;
    this.#leaving.delete(id);
    this.#upstreams.set(id, upstream);
    return upstream;
  }

  /** Requests keep what they began with: those in line wait on for its endpoints, at the most as long as one may. */
  #remove(upstream: Upstream): void {
    this.#upstreams.delete(upstream.id);
    if (isAwaited(upstream)) this.#leaving.set(upstream.id, upstream);
    else this.#close(upstream);
  }

  #close(upstream: Upstream): void {
    this.#awake.delete(upstream);
    upstream.close();
  }

  #closeUnawaited(): void {
    for (const [id, upstream] of this.#leaving) {
      if (isAwaited(upstream)) continue;
      this.#leaving.delete(id);
      this.#close(upstream);
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

  /** What other workers found out. Changes about unknown upstreams or endpoints are ignored. */
  adoptEjections(changes: readonly EjectionChange[]): void {
    for (const [id, ofUpstream] of Map.groupBy(changes, (change) => change.upstreamId)) {
      this.#upstreams.get(id)?.adoptEjections(ofUpstream);
    }
  }

  /** A few times a second; whatever depends on time happens here. */
  onTick(nowMs: number): void {
    this.nowMs = nowMs;
    for (const upstream of this.#awake) if (!upstream.onTick(nowMs)) this.#awake.delete(upstream);
    this.#closeUnawaited();
    if (this.#ejectionChanges.length === 0) return;
    const changes = this.#ejectionChanges;
    this.#ejectionChanges = [];
    this.#events.onEjectionChanges(changes);
  }

  /** Gathered until the next tick: when many endpoints fail at once, that is one message. */
  onEjectionChange(change: EjectionChange): void {
    this.#ejectionChanges.push(change);
  }

  onPanic(upstream: Upstream): void {
    this.#events.onPanic(upstream);
  }

  wake(upstream: Upstream): void {
    this.#awake.add(upstream);
  }

  all(): Iterable<Upstream> {
    return this.#upstreams.values();
  }
}

function isAwaited({ traffic }: Upstream): boolean {
  return traffic.admission !== null && traffic.admission.waiting > 0;
}

/** FNV-1a, so that upstreams that share their pods do not send their first requests to the same one. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return hash;
}
