/**
 * Probes every endpoint whose upstream has a health check, and reports who became healthy or unhealthy. Runs once per
 * process, beside the control plane; the workers are told. Upstreams that ask the same of one address share its probes.
 */
import type { Logger } from '../log/logger.ts';
import type { HealthCheckStats, LastCheck } from '../model/health-check.ts';
import type { EndpointAddress, HealthChange, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import { findUpstream } from '../model/sorted-config.ts';
import { CheckedEndpoint } from './checked-endpoint.ts';
import type { ProbeContext } from './endpoint-probe.ts';
import { type FileLender, KeptConnections } from './kept-connections.ts';
import type { ProbeTools } from './probe.ts';
import { type ProbeClock, WheelClock } from './probe-clock.ts';
import { type ProbeGroup, ProbeGroups } from './probe-groups.ts';
import { ProbeSlots } from './probe-slots.ts';
import { ProbeTally } from './probe-tally.ts';
import { SpareReaders } from './spare-readers.ts';
import { TransitionLog } from './transition-log.ts';

/** What probes may have open at a time. */
export interface ProbeLimits {
  /** Probes that open a connection; the others wait for their turn. */
  readonly maxInFlight: number;
  /** Connections that are kept from one probe to the next, without those whose file is borrowed. */
  readonly maxKept: number;
}

/**
 * A thousand handshakes that begin together end together, seconds later, when the time limit of all is over, and then begin
 * again. One upstream gets half of these.
 */
const MAX_HANDSHAKES = 64;

export interface ActiveProberOptions {
  readonly logger: Logger;
  /** Never called from within a method of the prober, except that `apply` first hands over what is due. */
  onChange(changes: readonly HealthChange[]): void;
  readonly tools: ProbeTools;
  readonly limits: ProbeLimits;
  /** Null = no more connections are kept than `limits` say. */
  readonly lender: FileLender | null;
  /** In [0, 1). */
  random(): number;
  readonly clock?: ProbeClock;
}

/** An upstream that has a health check. */
interface CheckedUpstream {
  readonly config: UpstreamConfig;
  readonly group: ProbeGroup;
  readonly endpoints: ReadonlyMap<string, CheckedEndpoint>;
}

export class ActiveProber {
  readonly #onChange: (changes: readonly HealthChange[]) => void;
  readonly #slots: ProbeSlots;
  readonly #handshakes: ProbeSlots;
  readonly #tally: ProbeTally;
  readonly #groups: ProbeGroups;
  readonly #log: TransitionLog;
  readonly #upstreams: Map<UpstreamId, CheckedUpstream>;
  #due: HealthChange[];
  #closed: boolean;

  constructor(options: ActiveProberOptions) {
    const clock = options.clock ?? new WheelClock();
    this.#onChange = (changes) => options.onChange(changes);
    this.#slots = new ProbeSlots(options.limits.maxInFlight, onNextTurn);
    this.#handshakes = new ProbeSlots(MAX_HANDSHAKES, onNextTurn);
    this.#tally = new ProbeTally();
    const context: ProbeContext = {
      clock,
      slots: this.#slots,
      handshakes: this.#handshakes,
      tools: options.tools,
      kept: new KeptConnections(clock, options.limits.maxKept, options.lender),
      readers: new SpareReaders(options.tools.createReader),
      tally: this.#tally,
      random: () => options.random(),
    };
    this.#groups = new ProbeGroups(context);
    this.#log = new TransitionLog(options.logger, clock);
    this.#upstreams = new Map();
    this.#due = [];
    this.#closed = false;
  }

  /**
   * The complete list, sorted by id, with every change of configuration or endpoints. Those whose upstream lost its check are
   * reported healthy again if they were not.
   * @param touched all others are as they were when this was called last; null = any may differ
   */
  apply(upstreams: readonly UpstreamConfig[], touched: ReadonlySet<UpstreamId> | null = null): void {
    this.#flush();
    if (this.#closed) return;
    const gone = new Set(touched ?? this.#upstreams.keys());
    const present =
      touched === null
        ? upstreams
        : Array.from(touched, (id) => findUpstream(upstreams, id)).filter((found) => found !== null);
    for (const upstream of present) {
      gone.delete(upstream.id);
      if (upstream.healthCheck === null) this.#dropCheck(upstream);
      else this.#applyUpstream(upstream);
    }
    // Last, so that a probe whose upstream has a new name goes on.
    for (const id of gone) this.#forget(id);
  }

  /** Every endpoint that is unhealthy now: what a new worker must be told, as it takes all others for healthy. */
  snapshot(): readonly HealthChange[] {
    const unhealthy: HealthChange[] = [];
    for (const { endpoints } of this.#upstreams.values()) {
      for (const endpoint of endpoints.values()) if (!endpoint.healthy) unhealthy.push(endpoint.toChange());
    }
    return unhealthy;
  }

  /** Null where nothing is checked, or nothing has been yet. */
  lastCheck(upstreamId: UpstreamId, endpointId: string): LastCheck | null {
    return this.#upstreams.get(upstreamId)?.endpoints.get(endpointId)?.last ?? null;
  }

  stats(): HealthCheckStats {
    return { ...this.#tally.read(), waiting: this.#slots.waiting + this.#handshakes.waiting };
  }

  /** Aborts what is in flight. No change is reported from now on. */
  close(): void {
    this.#closed = true;
    this.#due = [];
    for (const id of this.#upstreams.keys()) this.#forget(id);
    this.#log.flush();
  }

  #applyUpstream(config: UpstreamConfig): void {
    const known = this.#upstreams.get(config.id);
    // A change of endpoints leaves all other upstreams the same objects.
    if (known?.config === config || config.healthCheck === null) return;
    const group = this.#groups.groupOf(config.healthCheck, config);
    const endpoints = new Map<string, CheckedEndpoint>();
    for (const address of config.endpoints) {
      const endpointId = toEndpointId(address.address, address.port);
      if (!endpoints.has(endpointId)) endpoints.set(endpointId, this.#check(config.id, address, group, known));
    }
    for (const [endpointId, endpoint] of known?.endpoints ?? []) {
      if (!endpoints.has(endpointId)) endpoint.stop();
    }
    this.#groups.drop(group);
    this.#upstreams.set(config.id, { config, group, endpoints });
  }

  #check(
    upstreamId: UpstreamId,
    address: EndpointAddress,
    group: ProbeGroup,
    known: CheckedUpstream | undefined,
  ): CheckedEndpoint {
    const endpointId = toEndpointId(address.address, address.port);
    const endpoint =
      known?.endpoints.get(endpointId) ??
      new CheckedEndpoint(upstreamId, endpointId, this.#groups, (change, count) => this.#onTransition(change, count));
    endpoint.probeIn(group, address);
    return endpoint;
  }

  #dropCheck({ id, endpoints }: UpstreamConfig): void {
    const known = this.#upstreams.get(id);
    if (known === undefined) return;
    for (const { address, port } of endpoints) {
      const endpoint = known.endpoints.get(toEndpointId(address, port));
      if (endpoint?.healthy === false) this.#report({ ...endpoint.toChange(), healthy: true, reason: '' });
    }
    this.#forget(id);
  }

  #forget(id: UpstreamId): void {
    for (const endpoint of this.#upstreams.get(id)?.endpoints.values() ?? []) endpoint.stop();
    this.#upstreams.delete(id);
  }

  #onTransition(change: HealthChange, consecutive: number): void {
    this.#log.add(change, consecutive);
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

function onNextTurn(run: () => void): void {
  setImmediate(run).unref();
}
