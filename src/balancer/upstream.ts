/** One upstream while it runs: its endpoints, which of them may be picked, and the balancer that picks. */
import type { SlowStartConfig } from '../model/outlier-detection.ts';
import type {
  EjectionChange,
  EndpointAddress,
  TransportConfig,
  UpstreamConfig,
  UpstreamId,
} from '../model/proxy-config.ts';
import { PLAIN_TRANSPORT, toEndpointId } from '../model/proxy-config.ts';
import type { BalancerName, HashingConfig, UpstreamPolicy } from '../model/upstream-policy.ts';
import { ALGORITHMS } from './algorithms/index.ts';
import { AttemptResult, isFailure } from './attempt-result.ts';
import { findAvailable } from './availability.ts';
import type { Balancer } from './balancer.ts';
import { type CreateTransport, Endpoint } from './endpoint.ts';
import { OutlierDetector } from './outlier-detector.ts';
import { isSameTransport } from './same-transport.ts';
import { rampStepMs, rampsUp, setWeights } from './slow-start.ts';
import { UpstreamTraffic } from './upstream-traffic.ts';

/** How health decides who may be picked, and with what share. */
export type HealthPolicy = Pick<UpstreamPolicy, 'outlierDetection' | 'slowStart' | 'panicThreshold'>;

/** What upstreams ask of whoever holds them. */
export interface UpstreamHost {
  /** Monotonic, as coarse as the ticks. */
  readonly nowMs: number;
  /** An endpoint was ejected or has returned by what this worker saw of it. */
  onEjectionChange(change: EjectionChange): void;
  /** It has begun to ignore health. */
  onPanic(upstream: Upstream): void;
  /** From now on `onTick` has something to do, until it says otherwise. */
  wake(upstream: Upstream): void;
}

const NO_HOST: UpstreamHost = {
  nowMs: 0,
  onEjectionChange: () => undefined,
  onPanic: () => undefined,
  wake: () => undefined,
};

/** What a health check says about one endpoint. */
export interface EndpointVerdict {
  readonly endpointId: string;
  readonly healthy: boolean;
  /** Empty when healthy. */
  readonly reason: string;
}

export class Upstream {
  readonly id: UpstreamId;
  /** In configured order. Replaced whole, never changed in place. */
  endpoints: readonly Endpoint[];
  /** Those that may be picked: weight above 0, healthy (see `panicking`), not draining unless all are, and of our zone if any is. */
  available: readonly Endpoint[];
  /**
   * None is healthy, or fewer than the panic threshold asks for: then health is ignored and every endpoint with a weight is
   * available. A wrong guess costs one failed attempt; refusing would turn a broken health check into an outage.
   */
  panicking: boolean;
  /** How often it began to. */
  panics: number;
  /** What `weightInForce` of its endpoints counts in: so many make up a configured weight of 1. */
  weightScale: number;
  balancer: Balancer;
  algorithm: BalancerName;
  /** Takes over where this one fails; null = none. */
  backup: Upstream | null;
  readonly traffic: UpstreamTraffic;
  /** As configured: what links to it ask. */
  hashing: HashingConfig | null;
  /** As configured. */
  backend: UpstreamConfig['backend'];
  readonly #seed: number;
  readonly #host: UpstreamHost;
  #detector: OutlierDetector | null;
  #slowStart: SlowStartConfig | null;
  #panicThreshold: number;
  /** Endpoints that come after the first list ramp up. */
  #started: boolean;
  /** When weights change next; infinite while none ramps up. */
  #nextRampMs: number;
  #transport: TransportConfig;

  constructor(id: UpstreamId, algorithm: BalancerName, seed: number, host: UpstreamHost = NO_HOST) {
    this.id = id;
    this.endpoints = [];
    this.available = [];
    this.panicking = false;
    this.panics = 0;
    this.weightScale = 1;
    this.algorithm = algorithm;
    this.backup = null;
    this.traffic = new UpstreamTraffic();
    this.balancer = ALGORITHMS[algorithm](seed, null, this.traffic);
    this.#seed = seed;
    this.hashing = null;
    this.backend = null;
    this.#host = host;
    this.#detector = null;
    this.#slowStart = null;
    this.#panicThreshold = 0;
    this.#started = false;
    this.#nextRampMs = Number.POSITIVE_INFINITY;
    this.#transport = PLAIN_TRANSPORT;
  }

  /** True when a request can be sent somewhere, healthy or not. */
  get hasEndpoints(): boolean {
    return this.available.length > 0;
  }

  /** True when a request can be sent to an endpoint that is not known to be in trouble. */
  get hasHealthy(): boolean {
    return this.available.length > 0 && !this.panicking;
  }

  /** Hot. Ejected endpoints whose time is over, and that wait for a request that tries them: see `takeTrial`. */
  get trialsDue(): number {
    return this.#detector === null ? 0 : this.#detector.trialsDue;
  }

  /** Hot. Null only when no endpoint has a weight. */
  pick(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    return this.balancer.pick(hashKey, tried);
  }

  /**
   * Hot. Once for each attempt that was counted in flight, when it ends; one that leaves HTTP (101) is Ok at once, and
   * Neutral when it ends.
   * @param latencyMs from the start of the attempt to the head of the response, or to the failure
   * @param nowMs monotonic
   * @param durationMs from the start of the attempt to its end, which may be the end of a long body
   */
  // oxlint-disable-next-line eslint/max-params -- hot: no object for each attempt
  record(
    endpoint: Endpoint,
    result: AttemptResult,
    latencyMs: number,
    nowMs: number,
    durationMs: number = latencyMs,
  ): void {
    if (result !== AttemptResult.Neutral) this.balancer.observe(endpoint, latencyMs, nowMs, isFailure(result));
    this.#detector?.record(endpoint, result, durationMs, nowMs);
  }

  /**
   * The endpoint a request should go to before any other, to find out whether it answers again; null = none.
   * @param repeatable whether the request can be sent to another endpoint if this one fails it; others have to wait a little
   * @param hasRoom whether an endpoint could take it now
   */
  takeTrial(repeatable: boolean, hasRoom: (endpoint: Endpoint) => boolean = always): Endpoint | null {
    return this.#detector?.takeTrial(repeatable, hasRoom, this.#host.nowMs) ?? null;
  }

  /** Changes how health is judged by requests, and what follows from it. */
  usePolicy({ outlierDetection, slowStart, panicThreshold }: HealthPolicy): void {
    const isSamePanic = panicThreshold === this.#panicThreshold;
    const isSameRamp =
      slowStart?.windowMs === this.#slowStart?.windowMs && slowStart?.minPercent === this.#slowStart?.minPercent;
    this.#slowStart = slowStart;
    this.#panicThreshold = panicThreshold;
    const returned = outlierDetection === null && this.#detector?.forgiveAll(this.#host.nowMs) === true;
    if (outlierDetection === null) this.#detector = null;
    else if (this.#detector === null) {
      this.#detector = new OutlierDetector(outlierDetection, (endpoint, change) => this.#onEjection(endpoint, change));
      this.#detector.watch(findAvailable(this.endpoints, panicThreshold).eligible);
    } else this.#detector.config = outlierDetection;
    if (returned || !isSamePanic) this.#refresh();
    else if (!isSameRamp) this.#setWeights(this.#host.nowMs);
  }

  /** Every now and then while `wake` was called. @returns whether there will be more to do */
  onTick(nowMs: number): boolean {
    this.#detector?.onTick(nowMs);
    if (nowMs >= this.#nextRampMs) this.#setWeights(nowMs);
    return this.#detector?.waits === true || this.#nextRampMs !== Number.POSITIVE_INFINITY;
  }

  /** What other workers found out, with one rebuild. Those about endpoints that are not here are ignored. */
  adoptEjections(changes: readonly EjectionChange[]): void {
    const detector = this.#detector;
    if (detector === null) return;
    const { nowMs } = this.#host;
    const known = byId(this.endpoints);
    let moved = false;
    for (const change of changes) {
      const endpoint = known.get(change.endpointId);
      if (endpoint === undefined || !detector.adopt(endpoint, change, nowMs)) continue;
      moved = true;
      if (change.reason === null) endpoint.rampFromMs = nowMs;
    }
    if (moved) this.#refresh();
  }

  /** Changes the algorithm and keeps everything else. What keys are made of is no business of the balancer. */
  useAlgorithm(algorithm: BalancerName, hashing: HashingConfig | null): void {
    const former = this.hashing;
    this.hashing = hashing;
    const isSameHashing = hashing?.subsetSize === former?.subsetSize && hashing?.boundPercent === former?.boundPercent;
    if (algorithm === this.algorithm && isSameHashing) return;
    this.balancer = ALGORITHMS[algorithm](this.#seed, hashing, this.traffic);
    this.algorithm = algorithm;
    this.#setWeights(this.#host.nowMs);
  }

  /**
   * Changes how connections are made, if anything about it differs. Endpoints stay the same objects and get new transports;
   * what is under way ends on the connections it has.
   */
  useTransport(config: TransportConfig, createTransport: CreateTransport): void {
    if (isSameTransport(config, this.#transport)) return;
    this.#transport = config;
    const transports = this.endpoints.map((endpoint) => createTransport(endpoint, config));
    for (const [index, endpoint] of this.endpoints.entries()) {
      const previous = endpoint.transport;
      endpoint.transport = transports[index] ?? null;
      previous?.close();
    }
  }

  /**
   * Makes `addresses` the complete list. Known endpoints stay the same objects, with health, counters and connections;
   * new ones start healthy; missing ones are marked removed and their transport is closed.
   */
  update(addresses: readonly EndpointAddress[], createTransport: CreateTransport): void {
    const known = byId(this.endpoints);
    const next = new Map<string, Endpoint>();
    const wanted = new Map<Endpoint, EndpointAddress>();
    for (const address of addresses) {
      const id = toEndpointId(address.address, address.port);
      // Listed twice (a pod that moves between slices): the first entry counts, or its share would double.
      if (next.has(id)) continue;
      const endpoint = known.get(id) ?? this.#create(address, createTransport);
      next.set(id, endpoint);
      wanted.set(endpoint, address);
    }
    this.#replaceEndpoints(next, wanted);
    this.#started = true;
  }

  /** Many verdicts for the price of one rebuild. True if any of them changed something; endpoints that are not here do not. */
  applyVerdicts(verdicts: readonly EndpointVerdict[]): boolean {
    const known = byId(this.endpoints);
    let changed = false;
    let moved = false;
    for (const { endpointId, healthy, reason } of verdicts) {
      const endpoint = known.get(endpointId);
      if (endpoint === undefined || (endpoint.healthy === healthy && endpoint.reason === reason)) continue;
      changed = true;
      moved ||= endpoint.healthy !== healthy;
      if (healthy && !endpoint.healthy) this.#welcome(endpoint);
      endpoint.healthy = healthy;
      endpoint.reason = reason;
    }
    if (moved) this.#refresh();
    return changed;
  }

  /** Removes every endpoint. */
  close(): void {
    this.#replaceEndpoints(new Map(), new Map());
  }

  #create(address: EndpointAddress, createTransport: CreateTransport): Endpoint {
    const endpoint = new Endpoint(this.id, address.address, address.port, address.weight);
    endpoint.transport = createTransport(endpoint, this.#transport);
    if (this.#started) endpoint.rampFromMs = this.#host.nowMs;
    return endpoint;
  }

  /** It was unhealthy: what requests told of that time counts no more. */
  #welcome(endpoint: Endpoint): void {
    const { nowMs } = this.#host;
    this.#detector?.forgive(endpoint, nowMs);
    endpoint.rampFromMs = nowMs;
  }

  #onEjection(endpoint: Endpoint, change: EjectionChange): void {
    if (change.reason === null) endpoint.rampFromMs = this.#host.nowMs;
    this.#host.onEjectionChange(change);
    this.#refresh();
  }

  /** From here on nothing can fail: a transport that could not be created has left everything as it was. */
  #replaceEndpoints(next: Map<string, Endpoint>, wanted: ReadonlyMap<Endpoint, EndpointAddress>): void {
    const previous = this.endpoints;
    const endpoints = [...next.values()];
    const unchanged = endpoints.every(
      (endpoint, at) => endpoint === previous[at] && isAsWanted(endpoint, wanted.get(endpoint)),
    );
    if (unchanged && endpoints.length === previous.length) return;
    for (const [endpoint, { weight, draining = false, otherZone = false }] of wanted) {
      endpoint.weight = weight;
      endpoint.draining = draining;
      endpoint.otherZone = otherZone;
    }
    for (const endpoint of previous) if (!next.has(endpoint.id)) endpoint.removed = true;
    this.endpoints = endpoints;
    this.#refresh();
    for (const endpoint of previous) if (endpoint.removed) endpoint.transport?.close();
  }

  #refresh(): void {
    const { eligible, available, panicking } = findAvailable(this.endpoints, this.#panicThreshold);
    const panicsNow = panicking && !this.panicking;
    this.panicking = panicking;
    this.available = available;
    const allDrain = eligible[0]?.draining === true;
    for (const endpoint of this.endpoints) {
      endpoint.weightInForce = 0;
      retire(endpoint, endpoint.draining && !allDrain);
    }
    this.#setWeights(this.#host.nowMs);
    this.#detector?.watch(eligible);
    if (this.#detector?.waits === true) this.#host.wake(this);
    if (!panicsNow) return;
    this.panics++;
    this.#host.onPanic(this);
  }

  /** And has the balancer go by them. The list itself stays the same object where only weights change. */
  #setWeights(nowMs: number): void {
    const slowStart = rampsUp(this.algorithm) ? this.#slowStart : null;
    this.weightScale = setWeights(this.available, slowStart, nowMs);
    this.balancer.rebuild(this.available);
    this.#nextRampMs = Number.POSITIVE_INFINITY;
    if (this.weightScale === 1 || slowStart === null) return;
    this.#nextRampMs = nowMs + rampStepMs(slowStart);
    this.#host.wake(this);
  }
}

/** Made where it is needed, which costs less than the rebuild that follows. */
function byId(endpoints: readonly Endpoint[]): ReadonlyMap<string, Endpoint> {
  return new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
}

function always(): boolean {
  return true;
}

function isAsWanted(endpoint: Endpoint, wanted: EndpointAddress | undefined): boolean {
  return (
    endpoint.weight === wanted?.weight &&
    endpoint.draining === (wanted.draining ?? false) &&
    endpoint.otherZone === (wanted.otherZone ?? false)
  );
}

function retire(endpoint: Endpoint, retiring: boolean): void {
  if (endpoint.retiring === retiring) return;
  endpoint.retiring = retiring;
  if (retiring) endpoint.transport?.retire();
}
