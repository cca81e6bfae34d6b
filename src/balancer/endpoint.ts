/** Live state of one endpoint of one upstream. The connections themselves belong to `proxy/`, behind `EndpointTransport`. */
import { type TransportConfig, toEndpointId } from '../model/proxy-config.ts';
import { PassiveHealth } from './passive-health.ts';

/** The connections to one endpoint, as far as the balancer has to know. */
export interface EndpointTransport {
  /** Now: open connections that carry no exchange. */
  readonly idleCount: number;
  /** Now: open connections, idle ones included. */
  readonly openCount: number;
  /**
   * Closes idle connections now and busy ones when their exchange ends. Called once, when the endpoint is removed or gets
   * another transport.
   */
  close(): void;
  /** Closes idle connections now and busy ones when their exchange ends; further exchanges may still come. */
  retire(): void;
}

export type CreateTransport = (endpoint: Endpoint, config: TransportConfig) => EndpointTransport;

/** Survives reconfiguration by `id` within its upstream. An endpoint that was removed never comes back: its id gets a new object. */
export class Endpoint {
  /** `toEndpointId(address, port)`. */
  readonly id: string;
  readonly upstreamId: string;
  readonly address: string;
  readonly port: number;
  /** Whole number; 0 = no new requests. */
  weight: number;
  /** The weight balancers go by now; whole number, 0 = no new requests. Set by `Upstream` before it rebuilds the balancer. */
  weightInForce: number;
  /** What probes say; true without any. */
  healthy: boolean;
  /** Empty when healthy. */
  reason: string;
  /** What requests say. */
  passive: PassiveHealth;
  /** Since when its share grows, see `slow-start.ts`; -1 = it was there from the beginning. */
  rampFromMs: number;
  /** Terminating: see `EndpointAddress.draining`. */
  draining: boolean;
  /** Draining, and others take the new requests: what a session still sends gets a connection of its own. */
  retiring: boolean;
  /** See `EndpointAddress.otherZone`. */
  otherZone: boolean;
  /** No longer configured: exchanges in flight may end, nothing new starts. */
  removed: boolean;
  /** Now. Raised and lowered by `proxy/`, exactly once per attempt. */
  inFlight: number;
  /** Microseconds an attempt is expected to take, as of `latencyAtMs`; -1 = unknown. Kept by `peak-ewma`. */
  latencyUs: number;
  /** Monotonic, whole milliseconds. */
  latencyAtMs: number;
  /** Null only until the upstream has created it. */
  transport: EndpointTransport | null;
  requests: number;
  failures: number;
  connectFailures: number;
  retries: number;

  constructor(upstreamId: string, address: string, port: number, weight: number) {
    this.id = toEndpointId(address, port);
    this.upstreamId = upstreamId;
    this.address = address;
    this.port = port;
    this.weight = weight;
    this.weightInForce = weight;
    this.healthy = true;
    this.reason = '';
    this.passive = PassiveHealth.UNTOLD;
    this.rampFromMs = -1;
    this.draining = false;
    this.retiring = false;
    this.otherZone = false;
    this.removed = false;
    this.inFlight = 0;
    this.latencyUs = -1;
    this.latencyAtMs = 0;
    this.transport = null;
    this.requests = 0;
    this.failures = 0;
    this.connectFailures = 0;
    this.retries = 0;
  }
}
