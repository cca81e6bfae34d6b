/** A Kubernetes source with its snapshots gathered, and a way to wait for a state of them. */
import type { LogFields, Logger } from '../../src/log/logger.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { Problem } from '../../src/model/problem.ts';
import { KubernetesSource, type KubernetesSourceOptions } from '../../src/watch/kubernetes-source.ts';
import { AwaitedState } from './awaited-state.ts';

export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export interface SourceFixture {
  readonly source: KubernetesSource;
  readonly snapshots: readonly ObjectSnapshot[];
  readonly invalid: readonly (readonly Problem[])[];
  readonly lines: readonly LoggedLine[];
  /** The newest snapshot for which `holds` is true, now or as soon as there is one. */
  until(holds: (snapshot: ObjectSnapshot) => boolean): Promise<ObjectSnapshot>;
  /** As soon as a line with this message was logged. */
  untilLogged(message: string): Promise<LoggedLine>;
  /** How often the source said that it cannot be reached. */
  unreachable(): number;
  /** As soon as the API server cannot be used. */
  untilAway(): Promise<void>;
  /** Resolves when the source ended by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export type SourceFixtureOptions = Partial<KubernetesSourceOptions> & {
  readonly kubeconfig: string;
  /** Snapshots the listener throws at. */
  readonly refuse?: (snapshot: ObjectSnapshot) => boolean;
};

export function startSource(options: SourceFixtureOptions, once = false): SourceFixture {
  const snapshots: ObjectSnapshot[] = [];
  const invalid: (readonly Problem[])[] = [];
  const lines: LoggedLine[] = [];
  const state = new AwaitedState();
  let unreachable = 0;
  const logger = recordingLogger((line) => {
    lines.push(line);
    state.report();
  });
  const source = new KubernetesSource({
    namespaces: [],
    ingressClass: 'sluice',
    controllerName: 'sluice.dev/ingress-controller',
    userAgent: 'sluice/test',
    env: {},
    logger,
    ...options,
  });
  const end = new AbortController();
  const listener = {
    onSnapshot(snapshot: ObjectSnapshot): void {
      if (options.refuse?.(snapshot) === true) throw new Error('the test refuses this snapshot');
      snapshots.push(snapshot);
      state.report();
    },
    onInvalid(problems: readonly Problem[]): void {
      invalid.push(problems);
      state.report();
    },
    onUnreachable(): void {
      unreachable++;
    },
  };
  const ended = source.start(listener, end.signal, { once });
  return {
    source,
    snapshots,
    invalid,
    lines,
    ended,
    until: (holds) =>
      state.until(() => {
        const newest = snapshots.at(-1);
        return newest !== undefined && holds(newest) ? newest : undefined;
      }),
    unreachable: () => unreachable,
    untilAway: () => state.until(() => (source.contact().away ? null : undefined)).then(() => undefined),
    untilLogged: (message) => state.until(() => lines.find((line) => line.message === message)),
    async stop() {
      end.abort();
      await ended;
    },
  };
}

function recordingLogger(record: (line: LoggedLine) => void): Logger {
  const at =
    (level: LoggedLine['level']) =>
    (message: string, fields: LogFields = {}): void =>
      record({ level, message, fields });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}
