/** One release as the loop knows it: what is configured, what was counted since its step began, and what it waits for. */
import {
  currentState,
  percentInForce,
  type ReleaseFigures,
  type ReleaseState,
  type SideFigures,
} from '../model/release.ts';
import { isStop } from '../model/release-order.ts';
import type { GateStatus, ReleaseStatus, ReplicaCounts, SideStatus } from '../model/release-status.ts';
import type { ReplicaFigures } from '../model/replica-figures.ts';
import { addFigures, noFigures } from './figures.ts';
import type { ReleaseInForce } from './find-releases.ts';
import { toDurations, toQuantileMs } from './judge-latency.ts';
import { elapsedInStep } from './next-state.ts';

/** So long after a release has completed, another replica may still come with the news that its canary is bad. */
const LATE_WORD_MS = 15_000;

export class TrackedRelease {
  readonly id: string;
  inForce: ReleaseInForce;
  /** Of this process, since the step began. */
  own: ReleaseFigures;
  /** With those of other replicas. */
  all: ReleaseFigures;
  totals: ReleaseFigures;
  replicas: ReplicaCounts;
  waitsFor: string;
  gates: readonly GateStatus[];
  /** As it is configured, there is nothing to decide. */
  idle: boolean;
  /** Why the newest state could not be stored; empty = it could. */
  storeFault: string;
  storing: boolean;
  /** Not before this is storing tried again. Milliseconds since 1970. */
  retryAt: number;
  #step: string;

  constructor(inForce: ReleaseInForce) {
    this.id = inForce.config.id;
    this.inForce = inForce;
    this.own = noFigures(this.id);
    this.all = this.own;
    this.totals = this.own;
    this.replicas = { counted: 0, silent: 0 };
    this.waitsFor = '';
    this.gates = [];
    this.idle = false;
    this.storeFault = '';
    this.storing = false;
    this.retryAt = 0;
    this.#step = '';
  }

  /** Something else is configured. */
  change(inForce: ReleaseInForce): void {
    this.inForce = inForce;
    this.idle = false;
    this.retryAt = 0;
  }

  /** Whether time or figures may lead to another state. */
  isUnderWay(state: ReleaseState | null, now: number): boolean {
    const { config } = this.inForce;
    const current = currentState({ ...config, state });
    if (current === null) return !this.idle;
    if (isStop(current)) return false;
    if (current.phase !== 'completed' || now - current.changedAt < LATE_WORD_MS) return true;
    return config.command?.kind === 'abort' || (config.expiresAfterMs !== null && config.steps.at(-1)?.percent !== 100);
  }

  /** @param counted since the last call, while the release was in `state` */
  count(state: ReleaseState | null, counted: ReleaseFigures | undefined): void {
    const step = state === null ? '' : `${state.revision} ${state.step}`;
    if (step !== this.#step) this.own = noFigures(this.id);
    this.#step = step;
    if (counted === undefined) return;
    this.own = addFigures(this.own, counted);
    this.totals = addFigures(this.totals, counted);
  }

  /** Puts those of other replicas beside the own ones: of the same step, for others say nothing about it. */
  gather(state: ReleaseState | null, heard: readonly ReplicaFigures[], silent: number): void {
    const same = heard.filter(({ revision, step }) => revision === state?.revision && step === state.step);
    this.all = same.reduce((sum, { figures }) => addFigures(sum, figures), this.own);
    this.replicas = { counted: same.length, silent };
  }

  status(state: ReleaseState | null, stored: boolean, now: number): ReleaseStatus {
    const { config, source, routes, routeCount } = this.inForce;
    const current = currentState({ ...config, state });
    const fault = this.storeFault === '' ? '' : `the state cannot be stored: ${this.storeFault}`;
    return {
      config,
      source,
      routes,
      routeCount,
      state,
      stored,
      percent: percentInForce({ ...config, state }),
      heldMs: current === null ? 0 : elapsedInStep(current, now),
      waitsFor: fault || this.waitsFor,
      gates: this.gates,
      sides: {
        stable: toSideStatus(this.all.stable, this.totals.stable),
        canary: toSideStatus(this.all.canary, this.totals.canary),
      },
      replicas: this.replicas,
    };
  }
}

function toSideStatus({ requests, failures, latency }: SideFigures, totals: SideFigures): SideStatus {
  const durations = toDurations(latency);
  return {
    requests,
    failures,
    errorRate: requests === 0 ? null : failures / requests,
    p50Ms: toQuantileMs(durations, 0.5),
    p95Ms: toQuantileMs(durations, 0.95),
    p99Ms: toQuantileMs(durations, 0.99),
    totalRequests: totals.requests,
    totalFailures: totals.failures,
  };
}
