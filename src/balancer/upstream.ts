/** One upstream while it runs: its endpoints, which of them may be picked, and the balancer that picks. */
import type { EndpointAddress, TransportConfig, UpstreamId } from '../model/proxy-config.ts';
import { PLAIN_TRANSPORT, toEndpointId } from '../model/proxy-config.ts';
import type { BalancerName, HashingConfig } from '../model/upstream-policy.ts';
import { ALGORITHMS } from './algorithms/index.ts';
import { AttemptResult, isFailure } from './attempt-result.ts';
import type { Balancer } from './balancer.ts';
import { type CreateTransport, Endpoint } from './endpoint.ts';
import { isSameTransport } from './same-transport.ts';
import { UpstreamTraffic } from './upstream-traffic.ts';
import { preferOwnZone } from './zone-preference.ts';

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
   * None is healthy: then health is ignored and every endpoint with a weight is available. A wrong guess costs one failed
   * attempt; refusing would turn a broken health check into an outage.
   */
  panicking: boolean;
  balancer: Balancer;
  algorithm: BalancerName;
  /** Takes over where this one fails; null = none. */
  backup: Upstream | null;
  readonly traffic: UpstreamTraffic;
  readonly #seed: number;
  #hashing: HashingConfig | null;
  #byId: Map<string, Endpoint>;
  #transport: TransportConfig;

  constructor(id: UpstreamId, algorithm: BalancerName, seed: number) {
    this.id = id;
    this.endpoints = [];
    this.available = [];
    this.panicking = false;
    this.balancer = ALGORITHMS[algorithm](seed, null);
    this.algorithm = algorithm;
    this.backup = null;
    this.traffic = new UpstreamTraffic();
    this.#seed = seed;
    this.#hashing = null;
    this.#byId = new Map();
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

  /** Hot. Null only when no endpoint has a weight. */
  pick(hashKey: number, tried: readonly Endpoint[]): Endpoint | null {
    return this.balancer.pick(hashKey, tried);
  }

  /**
   * Hot. Once for each attempt that was counted in flight, when it ends; one that leaves HTTP (101) is Ok at once, and
   * Neutral when it ends.
   * @param latencyMs from the start of the attempt to the head of the response, or to the failure
   * @param nowMs monotonic
   */
  record(endpoint: Endpoint, result: AttemptResult, latencyMs: number, nowMs: number): void {
    if (result === AttemptResult.Neutral) return;
    this.balancer.observe(endpoint, latencyMs, nowMs, isFailure(result));
  }

  /** Changes the algorithm and keeps everything else. What keys are made of is no business of the balancer. */
  useAlgorithm(algorithm: BalancerName, hashing: HashingConfig | null): void {
    const former = this.#hashing;
    this.#hashing = hashing;
    const isSameHashing = hashing?.subsetSize === former?.subsetSize && hashing?.boundPercent === former?.boundPercent;
    if (algorithm === this.algorithm && isSameHashing) return;
    const balancer = ALGORITHMS[algorithm](this.#seed, hashing);
    balancer.rebuild(this.available);
    this.balancer = balancer;
    this.algorithm = algorithm;
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
    const next = new Map<string, Endpoint>();
    const wanted = new Map<Endpoint, EndpointAddress>();
    for (const address of addresses) {
      const id = toEndpointId(address.address, address.port);
      // Listed twice (a pod that moves between slices): the first entry counts, or its share would double.
      if (next.has(id)) continue;
      const endpoint = this.#byId.get(id) ?? this.#create(address, createTransport);
      next.set(id, endpoint);
      wanted.set(endpoint, address);
    }
    this.#replaceEndpoints(next, wanted);
  }

  /** Many verdicts for the price of one rebuild. True if any of them changed something; endpoints that are not here do not. */
  applyVerdicts(verdicts: readonly EndpointVerdict[]): boolean {
    let changed = false;
    let moved = false;
    for (const { endpointId, healthy, reason } of verdicts) {
      const endpoint = this.#byId.get(endpointId);
      if (endpoint === undefined || (endpoint.healthy === healthy && endpoint.reason === reason)) continue;
      changed = true;
      moved ||= endpoint.healthy !== healthy;
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
    return endpoint;
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
      endpoint.weightInForce = weight;
      endpoint.draining = draining;
      endpoint.otherZone = otherZone;
    }
    for (const endpoint of previous) if (!next.has(endpoint.id)) endpoint.removed = true;
    this.endpoints = endpoints;
    this.#byId = next;
    this.#refresh();
    for (const endpoint of previous) if (endpoint.removed) endpoint.transport?.close();
  }

  #refresh(): void {
    const weighted = this.endpoints.filter((endpoint) => endpoint.weight > 0);
    const staying = weighted.filter((endpoint) => !endpoint.draining);
    const eligible = staying.length > 0 ? staying : weighted;
    const healthy = eligible.filter((endpoint) => endpoint.healthy);
    this.panicking = healthy.length === 0 && eligible.length > 0;
    this.available = this.panicking ? eligible : preferOwnZone(healthy);
    this.balancer.rebuild(this.available);
    for (const endpoint of this.endpoints) retire(endpoint, endpoint.draining && staying.length > 0);
  }
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
