/**
 * Probes every endpoint whose upstream has a health check, and reports who became healthy or unhealthy. Runs once per
 * process, beside the control plane; the workers are told.
 */
import type { Logger } from '../log/logger.ts';
import type {
  EndpointAddress,
  EndpointChange,
  HealthChange,
  UpstreamConfig,
  UpstreamId,
} from '../model/proxy-config.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import { EndpointProbe, type ProbeContext, type Probing } from './endpoint-probe.ts';
import type { ConnectProbe } from './http-probe.ts';
import { type ProbeClock, systemProbeClock } from './probe-clock.ts';
import { ProbeSlots } from './probe-slots.ts';

const MAX_IN_FLIGHT = 64;

export interface ActiveProberOptions {
  readonly logger: Logger;
  /** Never called from within a method of the prober, except that `apply` and `applyEndpoints` first hand over what is due. */
  onChange(changes: readonly HealthChange[]): void;
  readonly connect: ConnectProbe;
  /** In [0, 1). */
  random(): number;
  readonly clock?: ProbeClock;
}

/** An upstream that has a health check. */
interface CheckedUpstream {
  readonly how: Probing;
  readonly probes: Map<string, EndpointProbe>;
}

export class ActiveProber {
  readonly #logger: Logger;
  readonly #onChange: (changes: readonly HealthChange[]) => void;
  readonly #context: ProbeContext;
  readonly #upstreams: Map<UpstreamId, CheckedUpstream>;
  #due: HealthChange[];
  #closed: boolean;

  constructor(options: ActiveProberOptions) {
    this.#logger = options.logger;
    this.#onChange = (changes) => options.onChange(changes);
    this.#context = {
      clock: options.clock ?? systemProbeClock,
      slots: new ProbeSlots(MAX_IN_FLIGHT),
      connect: options.connect,
      random: () => options.random(),
      onTransition: (change, consecutive) => this.#onTransition(change, consecutive),
    };
    this.#upstreams = new Map();
    this.#due = [];
    this.#closed = false;
  }

  /** The complete list. Endpoints whose upstream lost its check are reported healthy again if they were not. */
  apply(upstreams: readonly UpstreamConfig[]): void {
    this.#flush();
    if (this.#closed) return;
    const gone = new Set(this.#upstreams.keys());
    for (const upstream of upstreams) {
      const { id, healthCheck, endpoints } = upstream;
      gone.delete(id);
      if (healthCheck === null) this.#dropCheck(id, endpoints);
      else this.#applyUpstream(id, { check: healthCheck, transport: upstream }, endpoints);
    }
    for (const id of gone) this.#forget(id);
  }

  applyEndpoints(changes: readonly EndpointChange[]): void {
    this.#flush();
    if (this.#closed) return;
    for (const { upstreamId, endpoints } of changes) {
      const upstream = this.#upstreams.get(upstreamId);
      if (upstream !== undefined) this.#applyUpstream(upstreamId, upstream.how, endpoints);
    }
  }

  /** Every endpoint that is unhealthy now: what a new worker must be told, as it takes all others for healthy. */
  snapshot(): readonly HealthChange[] {
    const unhealthy: HealthChange[] = [];
    for (const { probes } of this.#upstreams.values()) {
      for (const probe of probes.values()) if (!probe.healthy) unhealthy.push(probe.toChange());
    }
    return unhealthy;
  }

  /** Aborts what is in flight. No change is reported from now on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#due = [];
    const probes = [...this.#upstreams.values()].flatMap((upstream) => [...upstream.probes.values()]);
    this.#upstreams.clear();
    await Promise.all(probes.map((probe) => probe.stop()));
  }

  #applyUpstream(id: UpstreamId, how: Probing, endpoints: readonly EndpointAddress[]): void {
    const known = this.#upstreams.get(id)?.probes ?? new Map<string, EndpointProbe>();
    const probes = new Map<string, EndpointProbe>();
    for (const endpoint of endpoints) {
      const endpointId = toEndpointId(endpoint.address, endpoint.port);
      if (probes.has(endpointId)) continue;
      const probe = known.get(endpointId) ?? new EndpointProbe(this.#context, id, endpoint, how);
      probe.change(how);
      probes.set(endpointId, probe);
    }
    for (const [endpointId, probe] of known) if (!probes.has(endpointId)) void probe.stop();
    this.#upstreams.set(id, { how, probes });
  }

  #dropCheck(id: UpstreamId, endpoints: readonly EndpointAddress[]): void {
    const probes = this.#upstreams.get(id)?.probes;
    if (probes === undefined) return;
    const remaining = new Set(endpoints.map(({ address, port }) => toEndpointId(address, port)));
    for (const [endpointId, probe] of probes) {
      if (!probe.healthy && remaining.has(endpointId)) this.#report({ ...probe.toChange(), healthy: true, reason: '' });
    }
    this.#forget(id);
  }

  #forget(id: UpstreamId): void {
    for (const probe of this.#upstreams.get(id)?.probes.values() ?? []) void probe.stop();
    this.#upstreams.delete(id);
  }

  #onTransition(change: HealthChange, consecutive: number): void {
    const { upstreamId: upstream, endpointId: endpoint, healthy, reason } = change;
    if (healthy) this.#logger.info('endpoint healthy', { upstream, endpoint, consecutive });
    else this.#logger.warn('endpoint unhealthy', { upstream, endpoint, reason, consecutive });
    this.#report(change);
  }

  /** Collects what happens in one turn of the event loop. */
  #report(change: HealthChange): void {
    if (this.#due.push(change) === 1) setImmediate(() => this.#flush()).unref();
  }

  /**
   * Also before anything is applied: a verdict about an endpoint that goes must not be delivered after a new one of the
   * same address has come.
   */
  #flush(): void {
    const due = this.#due;
    if (due.length === 0) return;
    this.#due = [];
    this.#onChange(due);
  }
}
