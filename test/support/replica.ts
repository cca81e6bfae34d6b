/** One replica of the controller inside the test process, without a data plane: source, control loop, and what is written back. */
import { isClassMissing, isOurs } from '../../src/config/ingress-class.ts';
import { ControlLoop } from '../../src/control/control-loop.ts';
import { ProblemReporter } from '../../src/control/problem-reporter.ts';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import {
  DEFAULT_FEEDBACK_TIMING,
  type FeedbackTiming,
  KubernetesFeedback,
} from '../../src/watch/kubernetes-feedback.ts';
import { KubernetesSource } from '../../src/watch/kubernetes-source.ts';
import type { FakeApiServer } from './fake-apiserver/server.ts';
import { settings } from './fixtures.ts';
import { HaltableClock } from './haltable-clock.ts';
import { RecordingLogger } from './recording-logger.ts';
import { FAST_TIMING } from './reflector-fixture.ts';

/** Nothing waits long; a lease lasts as long as ever, so that a slow machine loses none. */
export const FAST_FEEDBACK: FeedbackTiming = {
  ...DEFAULT_FEEDBACK_TIMING,
  election: { ...DEFAULT_FEEDBACK_TIMING.election, retryMs: 50, deniedRetryMs: 50 },
  status: {
    ...DEFAULT_FEEDBACK_TIMING.status,
    rate: { perSecond: 10_000, burst: 10 },
    conflictMs: 1,
    deniedRetryMs: 20,
  },
  events: { ...DEFAULT_FEEDBACK_TIMING.events, rate: { perSecond: 10_000, burst: 10 }, deniedRetryMs: 20 },
  reflector: FAST_TIMING,
};

export interface ReplicaOptions {
  readonly timing?: Partial<FeedbackTiming>;
  readonly publishService?: string;
  readonly publishStatusAddresses?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export class Replica {
  readonly feedback: KubernetesFeedback;
  readonly loop: ControlLoop;
  readonly logger: RecordingLogger = new RecordingLogger();
  /** Configurations compiled, endpoint changes apart. */
  compiles = 0;
  readonly #source: KubernetesSource;
  readonly #clock = new HaltableClock();
  readonly #end = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(fake: FakeApiServer, options: ReplicaOptions = {}) {
    const kubeconfig = fake.writeKubeconfig();
    const compileSettings = settings({ controllerName: 'sluice.dev/ingress-controller', takeEveryIngress: false });
    const shared = { kubeconfig, userAgent: 'sluice/test', env: options.env ?? {} };
    this.feedback = new KubernetesFeedback({
      ...shared,
      electionId: 'sluice-leader',
      publishService: options.publishService ?? '',
      publishStatusAddresses: options.publishStatusAddresses ?? [],
      isOurs: (ingress, classes) => isOurs(ingress, classes, compileSettings),
      isClassMissing: (ingress, classes) => isClassMissing(ingress, classes, compileSettings),
      logger: this.logger,
      clock: this.#clock,
      timing: { ...FAST_FEEDBACK, ...options.timing },
    });
    this.#source = new KubernetesSource({
      ...shared,
      namespaces: [],
      ingressClass: compileSettings.ingressClass,
      controllerName: compileSettings.controllerName,
      logger: NULL_LOGGER,
      reflectorTiming: FAST_TIMING,
      onIngress: (key, record) => this.feedback.observe(key, record),
    });
    this.loop = new ControlLoop({
      settings: compileSettings,
      logger: NULL_LOGGER,
      problems: new ProblemReporter(NULL_LOGGER, () => null),
      apply: async () => {
        this.compiles++;
        return '';
      },
      applyEndpoints: async () => {},
      onApplied: ({ config, snapshot, changes }) => this.feedback.update(snapshot, config, changes),
      onUnusable: () => {},
      onFirstApplyFailed: () => {},
    });
    this.#running = Promise.all([this.#source.start(this.loop, this.#end.signal), this.feedback.run(this.#end.signal)]);
  }

  /** Nothing happens any more, and nobody is told. */
  halt(): void {
    this.#clock.halt();
  }

  /** As by SIGTERM. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }
}
