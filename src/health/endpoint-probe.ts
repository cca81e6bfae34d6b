/**
 * The probe loop of one address: when to probe, for how long, and what the results amount to. It knows nothing of
 * upstreams: all that ask the same of the address share it.
 */
import type { LastCheck } from '../model/health-check.ts';
import { type HealthState, nextHealthState } from './health-state.ts';
import { createProbe, type Probe, type ProbeMeans, type ProbeOwner } from './probe.ts';
import { Alarm, type ProbeClock } from './probe-clock.ts';
import { isInconclusive } from './probe-error.ts';
import type { ProbeSlots, SlotUser } from './probe-slots.ts';
import type { ProbeTally } from './probe-tally.ts';
import { JITTER, type ProbeAddress, type Probing } from './probing.ts';

/** The first probe comes within half an interval, but no later than this where few begin together. */
const FIRST_PROBE_MS = 500;
/** Where many do, they are spread further: a thousand new endpoints must not cost the control plane a hiccup. */
const SPREAD_MS_PER_PROBE = 0.5;

/** In so long a time, a few milliseconds do not matter beside the jitter. */
const ROUGH_FROM_MS = 400;
/**
 * A handshake that takes longer waits for the endpoint, not for our CPU or its turn there: others may begin, so that endpoints
 * which never finish theirs do not hold up those that would.
 */
const HANDSHAKE_PATIENCE_MS = 500;

export interface ProbeContext extends ProbeMeans {
  readonly clock: ProbeClock;
  /** For probes that open a connection. Those on one that is kept have their file already. */
  readonly slots: ProbeSlots;
  /** For TLS handshakes under way. */
  readonly handshakes: ProbeSlots;
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

export class EndpointProbe extends Alarm implements SlotUser, ProbeOwner, Verdict {
  readonly address: ProbeAddress;
  readonly party: string;
  readonly watchers: Set<ProbeWatcher>;
  /** Empty when healthy. */
  reason: string;
  readonly #context: ProbeContext;
  readonly #probing: Probing;
  readonly #probe: Probe;
  #state: HealthState;
  #startedMs: number;
  /** The alarm is for the end of the time limit; else for the next probe. */
  #isProbing: boolean;
  /** Has a slot, or waits for one. */
  #isOpening: boolean;
  /** The same of handshakes. */
  #isShakingHands: boolean;
  /** Of the newest result; negative = there is none. */
  #checkedMs: number;
  #latencyMs: number;
  #lastReason: string;

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
    super();
    this.address = address;
    this.party = party;
    this.watchers = new Set();
    this.reason = reason;
    this.#context = context;
    this.#probing = probing;
    this.#probe = createProbe(probing, address, context, this);
    this.#state = { healthy, streak: 0 };
    this.#startedMs = 0;
    this.#isProbing = false;
    this.#isOpening = false;
    this.#isShakingHands = false;
    this.#checkedMs = -1;
    this.#latencyMs = 0;
    this.#lastReason = '';
    context.tally.onStarted(healthy);
    this.#setNext(context.clock.nowMs(), this.#firstDelayMs());
  }

  get healthy(): boolean {
    return this.#state.healthy;
  }

  get last(): LastCheck | null {
    if (this.#checkedMs < 0) return null;
    const { clock } = this.#context;
    const checkedAt = Math.round(clock.nowAt() - (clock.nowMs() - this.#checkedMs));
    return { checkedAt, latencyMs: this.#latencyMs, reason: this.#lastReason };
  }

  stop(): void {
    const { clock, tally } = this.#context;
    this.#probe.cancel();
    clock.clear(this);
    this.#leaveSlots();
    if (this.#isProbing) tally.onAbandoned();
    tally.onStopped(this.healthy);
  }

  override onAlarm(): void {
    if (this.#isProbing) return this.#onLimit();
    const { slots, handshakes } = this.#context;
    const { opens } = this.#probe;
    if (opens === 'nothing') return this.#begin(this.#probing.check.timeoutMs);
    this.#isOpening = true;
    this.#isShakingHands = opens === 'handshake';
    if (this.#isShakingHands) handshakes.enter(this);
    else slots.enter(this);
  }

  onSlot(slots: ProbeSlots): void {
    const { timeoutMs } = this.#probing.check;
    if (slots === this.#context.handshakes) this.#context.slots.enter(this);
    else this.#begin(this.#isShakingHands ? Math.min(timeoutMs, HANDSHAKE_PATIENCE_MS) : timeoutMs);
  }

  onOpened(): void {
    if (this.#isShakingHands) this.#leaveHandshakes();
  }

  onResult(reason: string): void {
    this.#settle(reason, false);
  }

  #begin(limitMs: number): void {
    const { clock, tally } = this.#context;
    this.#startedMs = clock.nowMs();
    this.#isProbing = true;
    tally.onAsked();
    this.#probe.start(this.#startedMs);
    clock.set(this, this.#startedMs + limitMs);
  }

  #onLimit(): void {
    const { clock } = this.#context;
    const { timeoutMs } = this.#probing.check;
    if (this.#isShakingHands) this.#leaveHandshakes();
    const endMs = this.#startedMs + timeoutMs;
    if (endMs > clock.nowMs()) return clock.set(this, endMs);
    this.#probe.cancel();
    this.#settle(`no complete response within ${timeoutMs} ms`, true);
  }

  #settle(reason: string, timedOut: boolean): void {
    const { clock, tally } = this.#context;
    const nowMs = clock.nowMs();
    this.#isProbing = false;
    if (this.#isOpening) this.#leaveSlots();
    this.#checkedMs = nowMs;
    this.#latencyMs = nowMs - this.#startedMs;
    if (reason !== this.#lastReason) this.#lastReason = reason;
    tally.onResult(reason === '', timedOut);
    const before = this.#state;
    const after = isInconclusive(reason) ? before : nextHealthState(before, reason === '', this.#probing.check);
    if (after !== before) this.#state = after;
    // Counted from the start of the probe: an endpoint that hangs is not probed less often than one that refuses.
    this.#setNext(this.#startedMs, this.#intervalMs(reason));
    if (after.healthy === before.healthy) return;
    this.reason = reason;
    tally.onVerdict(after.healthy);
    for (const watcher of this.watchers) watcher.onVerdict(this, before.streak + 1);
  }

  #leaveSlots(): void {
    this.#isOpening = false;
    this.#context.slots.leave(this);
    if (this.#isShakingHands) this.#leaveHandshakes();
  }

  #leaveHandshakes(): void {
    this.#isShakingHands = false;
    this.#context.handshakes.leave(this);
  }

  #setNext(fromMs: number, delayMs: number): void {
    const { clock } = this.#context;
    if (delayMs < ROUGH_FROM_MS) clock.set(this, fromMs + delayMs);
    else clock.setRoughly(this, fromMs + delayMs);
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
