/**
 * The probe loop of one address: when to probe, for how long, and what the results amount to. It knows nothing of
 * upstreams: all that ask the same of the address share it.
 */
import type { LastCheck } from '../model/health-check.ts';
import { type HealthState, nextHealthState } from './health-state.ts';
import { type Probe, type ProbeTools, startProbe } from './probe.ts';
import type { ProbeClock } from './probe-clock.ts';
import type { ProbeSlots, SlotUser } from './probe-slots.ts';
import type { ProbeTally } from './probe-tally.ts';
import type { ProbeAddress, Probing } from './probing.ts';

/** The first probe comes within half an interval, but no later than this where few begin together. */
const FIRST_PROBE_MS = 500;
/** Where many do, they are spread further: a thousand new endpoints must not cost the control plane a hiccup. */
const SPREAD_MS_PER_PROBE = 0.5;
/** Intervals vary by ±10 %, so that probes of many endpoints do not stay in step. */
const JITTER = 0.1;

export interface ProbeContext {
  readonly clock: ProbeClock;
  readonly slots: ProbeSlots;
  readonly tools: ProbeTools;
  readonly tally: ProbeTally;
  /** In [0, 1). */
  random(): number;
}

/** What was found out about an address: it outlives a change of what is asked. */
export interface Verdict {
  readonly healthy: boolean;
  /** Empty when healthy; else what the check that decided it found. */
  readonly reason: string;
}

/** Who wants to know. */
export interface ProbeWatcher {
  /** `consecutive` results in a row changed the verdict. */
  onVerdict(verdict: Verdict, consecutive: number): void;
}

export class EndpointProbe implements SlotUser, Verdict {
  readonly address: ProbeAddress;
  readonly watchers: Set<ProbeWatcher>;
  /** Empty when healthy. */
  reason: string;
  last: LastCheck | null;
  readonly #context: ProbeContext;
  readonly #probing: Probing;
  #state: HealthState;
  #startedMs: number;
  #probe: Probe | null;
  #cancelTimer: () => void;

  /** Begins with the verdict of whoever probed the address before; counting starts anew. */
  constructor(context: ProbeContext, probing: Probing, address: ProbeAddress, { healthy, reason }: Verdict) {
    this.address = address;
    this.watchers = new Set();
    this.reason = reason;
    this.last = null;
    this.#context = context;
    this.#probing = probing;
    this.#state = { healthy, streak: 0 };
    this.#startedMs = 0;
    this.#probe = null;
    context.tally.onStarted(healthy);
    this.#cancelTimer = this.#schedule(this.#firstDelayMs());
  }

  get healthy(): boolean {
    return this.#state.healthy;
  }

  stop(): void {
    this.#probe?.cancel();
    this.#probe = null;
    this.#cancelTimer();
    this.#context.slots.leave(this);
    this.#context.tally.onStopped(this.healthy);
  }

  onSlot(): void {
    const { clock, tools } = this.#context;
    const { timeoutMs } = this.#probing.check;
    this.#startedMs = clock.nowMs();
    this.#probe = startProbe(this.#probing, this.address, tools, (reason) => this.#onResult(reason, false));
    this.#cancelTimer = clock.schedule(timeoutMs, () => {
      this.#probe?.cancel();
      this.#onResult(`no complete response within ${timeoutMs} ms`, true);
    });
  }

  #onResult(reason: string, timedOut: boolean): void {
    const { clock, slots, tally } = this.#context;
    const nowMs = clock.nowMs();
    this.#probe = null;
    this.#cancelTimer();
    slots.leave(this);
    this.last = { checkedAt: clock.nowAt(), latencyMs: nowMs - this.#startedMs, reason };
    tally.onResult(reason === '', timedOut);
    const before = this.#state;
    this.#state = nextHealthState(before, reason === '', this.#probing.check);
    // Counted from the start of the probe: an endpoint that hangs is not probed less often than one that refuses.
    this.#schedule(Math.max(0, this.#startedMs + this.#intervalMs(reason) - nowMs));
    if (this.#state.healthy === before.healthy) return;
    this.reason = reason;
    tally.onVerdict(this.#state.healthy);
    for (const watcher of this.watchers) watcher.onVerdict(this, before.streak + 1);
  }

  #intervalMs(reason: string): number {
    const { intervalMs, unhealthyIntervalMs } = this.#probing.check;
    const isFine = reason === '' && this.#state.healthy;
    return (isFine ? intervalMs : unhealthyIntervalMs) * (1 - JITTER + 2 * JITTER * this.#context.random());
  }

  #firstDelayMs(): number {
    const spreadMs = Math.max(FIRST_PROBE_MS, SPREAD_MS_PER_PROBE * this.#context.tally.probed);
    return Math.min(this.#probing.check.intervalMs / 2, spreadMs) * this.#context.random();
  }

  #schedule(delayMs: number): () => void {
    this.#cancelTimer = this.#context.clock.schedule(delayMs, () => this.#context.slots.enter(this));
    return this.#cancelTimer;
  }
}
