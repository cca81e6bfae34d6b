/** The loop of releases on a clock that a test moves, with the store, the replicas and the workers in its hands. */
import { setImmediate } from 'node:timers/promises';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { ProxyConfig } from '../../src/model/proxy-config.ts';
import type { ReleaseConfig, ReleaseFigures, ReleaseState } from '../../src/model/release.ts';
import { formatReleaseState, parseReleaseState } from '../../src/model/release-state.ts';
import { RELEASE_STATE_ANNOTATION, type ReleaseStatus } from '../../src/model/release-status.ts';
import type { ReplicaFigures } from '../../src/model/replica-figures.ts';
import { addFigures, noFigures } from '../../src/release/figures.ts';
import { ReleaseLoop } from '../../src/release/release-loop.ts';
import { StateOverlay } from '../../src/release/state-overlay.ts';
import type { Transition } from '../../src/release/transition.ts';
import { FakeClock } from './fake-clock.ts';
import { snapshot } from './fixtures.ts';
import { canaryConfig, routeConfig, upstreamConfig } from './proxy-config.ts';
import { RecordingLogger } from './recording-logger.ts';
import { NOON, release } from './release.ts';

const ID = 'shop/canary';

export class ReleaseHarness {
  readonly clock: FakeClock = new FakeClock();
  readonly logger: RecordingLogger = new RecordingLogger();
  readonly overlay: StateOverlay;
  readonly loop: ReleaseLoop;
  readonly stored: ReleaseState[] = [];
  readonly transitions: Transition[] = [];
  heard: readonly ReplicaFigures[] = [];
  told: readonly ReplicaFigures[] = [];
  decides = true;
  /** Why the store refuses; empty = it does not. */
  fault = '';
  /** Says likewise, of each state. */
  keep: (state: ReleaseState, before: ReleaseState | null) => string = () => '';
  /** What the workers counted so far. */
  totals: ReleaseFigures = noFigures(ID);
  overlayChanges = 0;
  /** How far somebody has put the clock on the wall forward. */
  skewMs = 0;
  /** As it stands in the source. */
  #written: ReleaseConfig = release();
  /** With what is laid over it. */
  #config: ReleaseConfig = release();

  constructor() {
    const nowAt = (): number => NOON + this.skewMs + this.clock.nowMs();
    this.overlay = new StateOverlay({ absentLimitMs: 0, nowAt, onForgotten: () => {} });
    this.loop = new ReleaseLoop({
      collect: () => Promise.resolve([this.totals]),
      store: { decides: () => this.decides, store: (_id, state, before) => this.#store(state, before) },
      replicas: { tell: (own) => void (this.told = own), heard: () => this.heard, silent: () => 0 },
      overlay: this.overlay,
      onOverlayChanged: () => this.#applyOverlay(),
      onTransition: (transition) => this.transitions.push(transition),
      logger: this.logger,
      clock: { nowAt, schedule: (delayMs, run) => this.clock.schedule(delayMs, run) },
    });
  }

  get status(): ReleaseStatus {
    const [status] = this.loop.report().releases;
    if (status === undefined) throw new Error('there is no release');
    return status;
  }

  /** `<phase> <step>`, or nothing. */
  get stage(): string {
    const { state } = this.status;
    return state === null ? '' : `${state.phase} ${state.step}`;
  }

  /** Puts it into force, as a compile would. */
  async use(overrides: Partial<ReleaseConfig>, endpoints: readonly string[] = ['10.0.0.2:80']): Promise<void> {
    this.#written = release({ ...this.#written, ...overrides });
    this.#config = { ...this.#written, state: this.#lay(this.#written.state) };
    const canary = canaryConfig('next', { release: this.#config });
    const split = { members: [{ upstream: 'web', weight: 1, filters: [] }], canaries: [canary] };
    const config: Pick<ProxyConfig, 'routes' | 'upstreams'> = {
      routes: [routeConfig('a', 'web', { host: 'shop.example', split })],
      upstreams: [upstreamConfig('next', ...endpoints), upstreamConfig('web', '10.0.0.1:80')],
    };
    this.loop.observe(config);
    await this.pass(0);
  }

  withdraw(): void {
    this.loop.observe({ routes: [], upstreams: [] });
  }

  count(figures: ReleaseFigures): void {
    this.totals = addFigures(this.totals, figures);
  }

  /** In steps of a second. All that is asynchronous are promises that are fulfilled already: they are through in one turn. */
  async pass(forMs: number): Promise<void> {
    const untilMs = this.clock.nowMs() + forMs;
    do {
      this.clock.advanceTo(Math.min(untilMs, this.clock.nowMs() + (forMs === 0 ? 0 : 1_000)));
      await setImmediate();
    } while (this.clock.nowMs() < untilMs);
  }

  async #store(state: ReleaseState, before: ReleaseState | null): Promise<string> {
    const fault = this.fault || this.keep(state, before);
    if (fault !== '') return fault;
    this.stored.push(state);
    return '';
  }

  #applyOverlay(): void {
    const state = this.overlay.get(ID)?.state;
    if (state !== this.#config.state) void this.use({});
  }

  #lay(state: ReleaseState | null): ReleaseState | null {
    const annotations = state === null ? {} : { [RELEASE_STATE_ANNOTATION]: formatReleaseState(state) };
    const laid = this.overlay.lay(snapshotOf(annotations)).ingresses.get(ID)?.annotations[RELEASE_STATE_ANNOTATION];
    const parsed = laid === undefined ? null : parseReleaseState(laid);
    return parsed !== null && 'value' in parsed ? parsed.value : null;
  }
}

function snapshotOf(annotations: Readonly<Record<string, string>>): ObjectSnapshot {
  const meta = { key: ID, namespace: 'shop', name: 'canary', uid: '', resourceVersion: '' };
  const rest = { className: null, createdAt: 0, defaultBackend: null, rules: [], tls: [] };
  return snapshot({ ingresses: [{ ...meta, annotations, ...rest }], classes: null });
}
