/**
 * The probe loop of one address: when to probe, for how long, and what the results amount to. It knows nothing of
 * upstreams: all that ask the same of the address share it.
 */
import type { LastCheck } from '../model/health-check.ts';
import { type HealthState, nextHealthState } from './health-state.ts';
import { createProbe, type Probe, type ProbeMeans } from './probe.ts';
import type { Alarm, ProbeClock } from './probe-clock.ts';
import { isInconclusive } from './probe-error.ts';
import type { ProbeSlots, SlotUser } from './probe-slots.ts';
import type { ProbeTally } from './probe-tally.ts';
import { JITTER, type ProbeAddress, type Probing } from './probing.ts';

/** The first probe comes within half an interval, but no later than this where few begin together. */
const FIRST_PROBE_MS = 500;
/** Where many do, they are spread further: a thousand new endpoints must not cost the control plane a hiccup. */
const SPREAD_MS_PER_PROBE = 0.5;
export interface ProbeContext extends ProbeMeans {
  readonly clock: ProbeClock;
  readonly slots: ProbeSlots;
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
  readonly upstreamId: string;
  /** `consecutive` results in a row changed the verdict. */
  onVerdict(verdict: Verdict, consecutive: number): void;
}

export class EndpointProbe implements SlotUser, Alarm, Verdict {
  readonly address: ProbeAddress;
  readonly party: string;
  readonly watchers: Set<ProbeWatcher>;
  /** Empty when healthy. */
  reason: string;
  last: LastCheck | null;
  dueMs: number;
  readonly #context: ProbeContext;
  readonly #probing: Probing;
  readonly #probe: Probe;
  #state: HealthState;
  #startedMs: number;
  /** The alarm is for the end of the time limit; else for the next probe. */
  #isProbing: boolean;

  /**
   * Begins with the verdict of whoever probed the address before; counting starts anew.
   * @param party whose share of the slots it takes from
   */
  // oxlint-disable-next-line eslint/max-params -- cold, and all of one loop
  constructor(
    context: ProbeContext,
    probing: Probing,
    address: ProbeAddress,
    party: string,
    { healthy, reason }: Verdict,
  ) {
    this.address = address;
    this.party = party;
    this.watchers = new Set();
    this.reason = reason;
    this.last = null;
    this.dueMs = Number.POSITIVE_INFINITY;
    this.#context = context;
    this.#probing = probing;
    this.#probe = createProbe(probing, address, context, (result) => this.#onResult(result, false));
    this.#state = { healthy, streak: 0 };
    this.#startedMs = 0;
    this.#isProbing = false;
    context.tally.onStarted(healthy);
    context.clock.set(this, this.#firstDelayMs());
  }

  get healthy(): boolean {
    return this.#state.healthy;
  }

  stop(): void {
    const { clock, slots, tally } = this.#context;
    this.#probe.cancel();
    clock.clear(this);
    slots.leave(this);
    tally.onStopped(this.healthy);
  }

  onAlarm(): void {
    if (!this.#isProbing) return this.#context.slots.enter(this);
    this.#probe.cancel();
    this.#onResult(`no complete response within ${this.#probing.check.timeoutMs} ms`, true);
  }

  onSlot(): void {
    const { clock } = this.#context;
    this.#startedMs = clock.nowMs();
    this.#isProbing = true;
    this.#probe.start();
    clock.set(this, this.#probing.check.timeoutMs);
  }

  #onResult(reason: string, timedOut: boolean): void {
    const { clock, slots, tally } = this.#context;
    const nowMs = clock.nowMs();
    this.#isProbing = false;
    slots.leave(this);
    this.last = { checkedAt: clock.nowAt(), latencyMs: nowMs - this.#startedMs, reason };
    tally.onResult(reason === '', timedOut);
    const before = this.#state;
    if (!isInconclusive(reason)) this.#state = nextHealthState(before, reason === '', this.#probing.check);
    // Counted from the start of the probe: an endpoint that hangs is not probed less often than one that refuses.
    clock.set(this, this.#startedMs + this.#intervalMs(reason) - nowMs);
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
}
