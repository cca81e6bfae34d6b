/** The probe loop of one endpoint: when to probe, for how long, and what the results amount to. */
import { isSameTransport } from '../balancer/same-transport.ts';
import type { HealthCheckConfig } from '../model/health-check.ts';
import type { EndpointAddress, HealthChange, TransportConfig } from '../model/proxy-config.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import { type HealthState, NEW_ENDPOINT, nextHealthState } from './health-state.ts';
import { type ConnectProbe, HttpProbe } from './http-probe.ts';
import type { ProbeClock } from './probe-clock.ts';
import type { ProbeSlots, SlotUser } from './probe-slots.ts';

/** The first probe comes within half an interval, but no later than this. */
const FIRST_PROBE_MS = 500;
/** Intervals vary by ±10 %, so that probes of many endpoints do not stay in step. */
const JITTER = 0.1;

export interface ProbeContext {
  readonly clock: ProbeClock;
  readonly slots: ProbeSlots;
  readonly connect: ConnectProbe;
  /** In [0, 1). */
  random(): number;
  /** `consecutive` results in a row changed the verdict. */
  onTransition(change: HealthChange, consecutive: number): void;
}

/** What is asked of the endpoints of an upstream, and over which connections. */
export interface Probing {
  readonly check: HealthCheckConfig;
  readonly transport: TransportConfig;
}

export class EndpointProbe implements SlotUser {
  readonly #context: ProbeContext;
  readonly #upstreamId: string;
  readonly #endpoint: EndpointAddress;
  #check: HealthCheckConfig;
  #transport: TransportConfig;
  #state: HealthState;
  #reason: string;
  #startedMs: number;
  #probe: HttpProbe | null;
  #cancelTimer: () => void;

  constructor(context: ProbeContext, upstreamId: string, endpoint: EndpointAddress, how: Probing) {
    this.#context = context;
    this.#upstreamId = upstreamId;
    this.#endpoint = endpoint;
    this.#check = how.check;
    this.#transport = how.transport;
    this.#state = NEW_ENDPOINT;
    this.#reason = '';
    this.#startedMs = 0;
    this.#probe = null;
    this.#cancelTimer = this.#scheduleFirst();
  }

  get healthy(): boolean {
    return this.#state.healthy;
  }

  toChange(): HealthChange {
    return {
      upstreamId: this.#upstreamId,
      endpointId: toEndpointId(this.#endpoint.address, this.#endpoint.port),
      healthy: this.#state.healthy,
      reason: this.#reason,
    };
  }

  /** The verdict stays until the new check has proved otherwise; counting starts again. */
  change({ check, transport }: Probing): void {
    if (isSameCheck(check, this.#check) && isSameTransport(transport, this.#transport)) return;
    void this.stop();
    this.#check = check;
    this.#transport = transport;
    this.#state = { healthy: this.#state.healthy, streak: 0 };
    this.#cancelTimer = this.#scheduleFirst();
  }

  /** Resolves when the probe in flight, if any, is gone. */
  async stop(): Promise<void> {
    const probe = this.#probe;
    this.#probe = null;
    this.#cancelTimer();
    this.#context.slots.leave(this);
    await probe?.cancel();
  }

  onSlot(): void {
    const { path, host, timeoutMs } = this.#check;
    this.#startedMs = this.#context.clock.nowMs();
    const target = { endpoint: this.#endpoint, transport: this.#transport, path, host };
    const probe = new HttpProbe(target, this.#context.connect, (reason) => this.#onResult(reason));
    this.#probe = probe;
    this.#cancelTimer = this.#context.clock.schedule(timeoutMs, () => {
      void probe.cancel();
      this.#onResult(`no complete response within ${timeoutMs} ms`);
    });
  }

  #onResult(reason: string): void {
    this.#probe = null;
    this.#cancelTimer();
    this.#context.slots.leave(this);
    const intervalMs = this.#check.intervalMs * (1 - JITTER + 2 * JITTER * this.#context.random());
    // Counted from the start of the probe: an endpoint that hangs is not probed less often than one that refuses.
    this.#schedule(Math.max(0, this.#startedMs + intervalMs - this.#context.clock.nowMs()));
    this.#record(reason);
  }

  #record(reason: string): void {
    const before = this.#state;
    this.#state = nextHealthState(before, reason === '', this.#check);
    if (this.#state.healthy === before.healthy) return;
    this.#reason = reason;
    this.#context.onTransition(this.toChange(), before.streak + 1);
  }

  #scheduleFirst(): () => void {
    return this.#schedule(Math.min(this.#check.intervalMs / 2, FIRST_PROBE_MS) * this.#context.random());
  }

  #schedule(delayMs: number): () => void {
    this.#cancelTimer = this.#context.clock.schedule(delayMs, () => this.#context.slots.enter(this));
    return this.#cancelTimer;
  }
}

function isSameCheck(a: HealthCheckConfig, b: HealthCheckConfig): boolean {
  return (
    a.path === b.path &&
    a.host === b.host &&
    a.intervalMs === b.intervalMs &&
    a.timeoutMs === b.timeoutMs &&
    a.unhealthyAfter === b.unhealthyAfter &&
    a.healthyAfter === b.healthyAfter
  );
}
