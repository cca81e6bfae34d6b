/**
 * Moves releases: once a second while one is under way, it has the newest figures judged and the next state stored. Whoever
 * takes steps does so only after the new state is stored, so that no two ever disagree about the share of a canary; but every
 * process takes away the share of a canary that it finds to be bad at once, whoever may hear of it.
 */
import type { Logger } from '../log/logger.ts';
import type { ProxyConfig } from '../model/proxy-config.ts';
import { currentState, type ReleaseFigures, type ReleaseState } from '../model/release.ts';
import { isStop, outranks } from '../model/release-order.ts';
import type { ReleaseReport } from '../model/release-status.ts';
import type { ReplicaFigures } from '../model/replica-figures.ts';
import { sameContent } from '../model/same-content.ts';
import type { ReleaseInForce } from './find-releases.ts';
import { elapsedInStep, nextState } from './next-state.ts';
import { OwnFigures } from './own-figures.ts';
import { ANYWHERE, type Differences, ReleaseFinder } from './release-finder.ts';
import type { ReplicaExchange } from './replica-exchange.ts';
import type { StateOverlay } from './state-overlay.ts';
import { TrackedRelease } from './tracked-release.ts';
import { type Transition, toTransition } from './transition.ts';

export interface ReleaseClock {
  /** Milliseconds since 1970. */
  nowAt(): number;
  /** Runs `run` once after `delayMs`; returns its cancellation. */
  schedule(delayMs: number, run: () => void): () => void;
}

export interface ReleaseStore {
  /** Whether this process takes steps. */
  decides(): boolean;
  /**
   * Keeps `state` in the place of `before`, unless something else stands there by now. Empty on success, or why not.
   * Never rejects.
   */
  store(id: string, state: ReleaseState, before: ReleaseState | null): Promise<string>;
}

export interface ReleaseLoopOptions {
  /** Running totals of this process. */
  readonly collect: () => Promise<readonly ReleaseFigures[]>;
  readonly store: ReleaseStore;
  readonly replicas: ReplicaExchange;
  readonly overlay: StateOverlay;
  /** There is something else to lay over the last snapshot. */
  readonly onOverlayChanged: () => void;
  /** This process has taken a release to another state, and stored it. */
  readonly onTransition: (transition: Transition) => void;
  readonly logger: Logger;
  readonly clock: ReleaseClock;
}

interface News {
  /** By this process, since the last look. */
  readonly counted: ReleaseFigures | undefined;
  /** From other replicas, of this release. */
  readonly heard: readonly ReplicaFigures[];
  readonly now: number;
}

const INTERVAL_MS = 1_000;
/** Judging a release takes about 0.1 ms, and there may be thousands: everything else on this thread goes on in between. */
const SLICE_MS = 10;
/** Of the time it works, it rests at least so many times as long. */
const MIN_REST = 20;
const MAX_INTERVAL_MS = 30_000;
/** Twice the time for which whoever decides still listens after the end. */
const YIELD_MS = 30_000;
const STORE_RETRY_MS = 2_000;

export class ReleaseLoop {
  readonly #options: ReleaseLoopOptions;
  readonly #own: OwnFigures;
  readonly #finder: ReleaseFinder;
  readonly #releases: Map<string, TrackedRelease>;
  /** What `#releases` goes by. */
  #found: ReadonlyMap<string, ReleaseInForce> | null;
  #cancel: (() => void) | null;
  #busy: boolean;
  /** Something changed while it was busy. */
  #again: boolean;
  #closed: boolean;

  constructor(options: ReleaseLoopOptions) {
    this.#options = options;
    this.#own = new OwnFigures();
    this.#finder = new ReleaseFinder();
    this.#releases = new Map();
    this.#found = null;
    this.#cancel = null;
    this.#busy = false;
    this.#again = false;
    this.#closed = false;
  }

  /**
   * What is in force now in every worker.
   * @param differences from what was observed last
   */
  observe(config: Pick<ProxyConfig, 'routes' | 'upstreams'>, differences: Differences = ANYWHERE): void {
    const found = this.#finder.update(config, differences);
    if (found === this.#found) return;
    this.#found = found;
    let changed = false;
    for (const [id, inForce] of found) {
      const known = this.#releases.get(id);
      // A route that changed otherwise has another object that says the same of its release.
      if (known !== undefined && isSame(known.inForce, inForce)) known.inForce = inForce;
      else {
        changed = true;
        if (known === undefined) this.#releases.set(id, new TrackedRelease(inForce));
        else known.change(inForce);
      }
    }
    for (const id of this.#releases.keys()) if (!found.has(id)) this.#releases.delete(id);
    // Commands are obeyed at once; figures have their time.
    if (changed) this.#arm(0);
  }

  report(): ReleaseReport {
    const { overlay, store, clock } = this.#options;
    const now = clock.nowAt();
    const releases = Array.from(this.#releases.values(), (release) =>
      release.status(this.#stateOf(release), overlay.get(release.id)?.stored ?? true, now),
    );
    return { decides: store.decides(), releases };
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
    this.#options.replicas.tell([]);
  }

  #arm(delayMs: number): void {
    if (this.#busy) {
      this.#again ||= delayMs === 0;
      return;
    }
    this.#cancel?.();
    this.#cancel = null;
    if (this.#closed || ![...this.#releases.values()].some((release) => this.#needsWork(release))) {
      this.#options.replicas.tell([]);
      return;
    }
    this.#cancel = this.#options.clock.schedule(delayMs, () => void this.#work());
  }

  #needsWork(release: TrackedRelease): boolean {
    const now = this.#options.clock.nowAt();
    return release.isUnderWay(this.#stateOf(release), now) || this.#isUnstored(release.id);
  }

  #isUnstored(id: string): boolean {
    return this.#options.overlay.get(id)?.stored === false;
  }

  /** In force here, or about to be. */
  #stateOf({ id, inForce }: TrackedRelease): ReleaseState | null {
    const decided = this.#options.overlay.get(id)?.state ?? null;
    const { state } = inForce.config;
    return decided !== null && outranks(decided, state) ? decided : state;
  }

  async #work(): Promise<void> {
    const { collect, logger, replicas } = this.#options;
    this.#busy = true;
    this.#again = false;
    let workMs = 0;
    try {
      this.#yieldToEnd();
      workMs = await this.#advanceAll(this.#own.update(await collect()));
      replicas.tell(this.#toTell());
    } catch (error) {
      logger.error('releases could not be judged', { error });
    }
    this.#busy = false;
    this.#arm(this.#again ? 0 : Math.min(Math.max(INTERVAL_MS, workMs * MIN_REST), MAX_INTERVAL_MS));
  }

  /** Whoever decides stores its stop instead. */
  #yieldToEnd(): void {
    const { overlay, store, logger, onOverlayChanged } = this.#options;
    const { version } = overlay;
    if (!store.decides()) overlay.yieldToEnd(YIELD_MS);
    if (overlay.version === version) return;
    logger.warn(
      'canary goes on in this process: its release is complete, and nobody has taken up that it was stopped here',
    );
    onOverlayChanged();
  }

  /** @returns how long it took, pauses excepted */
  async #advanceAll(counted: ReadonlyMap<string, ReleaseFigures>): Promise<number> {
    const { clock, replicas } = this.#options;
    const heard = Map.groupBy(replicas.heard(), ({ figures }) => figures.id);
    let workMs = 0;
    let sinceAt = clock.nowAt();
    // Those that go during a pause are not looked at any more.
    for (const release of this.#releases.values()) {
      const now = clock.nowAt();
      if (now - sinceAt > SLICE_MS) {
        workMs += now - sinceAt;
        await new Promise<void>((resolve) => {
          clock.schedule(0, resolve);
        });
        sinceAt = clock.nowAt();
      }
      this.#advance(release, { counted: counted.get(release.id), heard: heard.get(release.id) ?? [], now });
    }
    return workMs + clock.nowAt() - sinceAt;
  }

  #advance(release: TrackedRelease, news: News): void {
    const { store, replicas } = this.#options;
    const state = this.#stateOf(release);
    release.count(state, news.counted);
    release.gather(state, news.heard, replicas.silent());
    const next = release.isUnderWay(state, news.now) ? this.#judge(release, state, news) : state;
    if (next === null) return;
    const isNew = next !== state;
    if (isNew && isStop(next)) this.#stopHere(release, next, state);
    const due = (isNew || this.#isUnstored(release.id)) && !release.storing && isPast(release.retryAt, news.now);
    if (due && store.decides()) void this.#store(release, next, state);
  }

  /** What is to become of a release that is under way; `state` itself where nothing is to change. */
  #judge(release: TrackedRelease, state: ReleaseState | null, { heard, now }: News): ReleaseState | null {
    const { config, hasEndpoints } = release.inForce;
    const current = currentState({ ...config, state });
    const { state: next, waitsFor, judgement } = nextState({ ...config, state }, release.all, now, hasEndpoints);
    release.waitsFor = waitsFor;
    release.gates = judgement?.gates ?? [];
    release.idle = next === state && current === null && waitsFor === '';
    const decides = this.#options.store.decides();
    // The compiler obeys it already; who does not decide has nothing to add, and would not see when it is taken back.
    if (config.command?.kind === 'abort' && !decides) return state;
    if (current === null || (next !== null && isStop(next)) || !decides) return next;
    // Proven somewhere is proven.
    const stopped = heard.find(({ revision, stopped: reason }) => revision === current.revision && reason !== '');
    if (stopped === undefined) return next;
    const elapsedMs = elapsedInStep(current, now);
    return { ...current, phase: 'aborted', changedAt: now, elapsedMs, reason: stopped.stopped };
  }

  /** Takes away the share of the canary in this process, before anybody else knows. */
  #stopHere(release: TrackedRelease, next: ReleaseState, before: ReleaseState | null): void {
    const { overlay, logger, onOverlayChanged, store } = this.#options;
    overlay.set(release.id, next, false, before);
    onOverlayChanged();
    if (!store.decides()) {
      const { id } = release;
      logger.warn('canary stopped in this process', { release: id, phase: next.phase, reason: next.reason });
    }
  }

  async #store(release: TrackedRelease, next: ReleaseState, before: ReleaseState | null): Promise<void> {
    const { store, overlay, clock, logger, onOverlayChanged, onTransition } = this.#options;
    const { id, inForce } = release;
    release.storing = true;
    const fault = await store.store(id, next, before);
    release.storing = false;
    if (fault !== '') {
      const fields = { release: id, phase: next.phase, step: next.step + 1, fault };
      if (fault !== release.storeFault) logger.warn('state of a release could not be stored', fields);
      release.storeFault = fault;
      release.retryAt = clock.nowAt() + STORE_RETRY_MS;
      return;
    }
    release.storeFault = '';
    const decided = overlay.get(id)?.state ?? null;
    // It may have been stopped meanwhile. Times are not asked: the clock may have been set back since `before`.
    const stopped = decided !== null && decided.revision === next.revision && isStop(decided) && !isStop(next);
    if (!stopped) overlay.set(id, next, true, before);
    onOverlayChanged();
    if (before !== null && before !== next && isSameStage(before, next)) return;
    const transition = toTransition(inForce.config, before === next ? null : before, next);
    const level = transition.severity === 'warning' ? 'warn' : 'info';
    logger[level]('release changed', { release: id, event: transition.reason, note: transition.note });
    onTransition(transition);
  }

  #toTell(): readonly ReplicaFigures[] {
    return [...this.#releases.values()].flatMap((release) => {
      const state = this.#stateOf(release);
      if (state === null || !this.#needsWork(release)) return [];
      const { revision, step, phase, reason } = state;
      const stopped = phase === 'aborted' && this.#isUnstored(release.id) ? reason || 'stopped' : '';
      return [{ revision, step, figures: release.own, stopped }];
    });
  }
}

/** Nothing to tell: only the times differ, of a clock that was set back. */
function isSameStage(a: ReleaseState, b: ReleaseState): boolean {
  return a.revision === b.revision && a.phase === b.phase && a.step === b.step;
}

/** Whether trying again is due; further away than that it is by a clock that was set back. */
function isPast(retryAt: number, now: number): boolean {
  return now >= retryAt || retryAt - now > STORE_RETRY_MS;
}

function isSame(a: ReleaseInForce, b: ReleaseInForce): boolean {
  return a.hasEndpoints === b.hasEndpoints && sameContent(a.config, b.config);
}
