/** A reflector over the fake API server, with what it published gathered in a map, and a way to wait for a state of it. */
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { type Clock, systemClock } from '../../src/watch/clock.ts';
import { KubeClient } from '../../src/watch/kube-client.ts';
import { asRecord } from '../../src/watch/kube-error.ts';
import type { Recovery } from '../../src/watch/recovery.ts';
import { DEFAULT_REFLECTOR_TIMING, Reflector, type ReflectorTiming } from '../../src/watch/reflector.ts';
import { RetryGate } from '../../src/watch/retry-gate.ts';
import { AwaitedState } from './awaited-state.ts';
import type { FakeApiServer } from './fake-apiserver/server.ts';

/** Everything that takes long in a real cluster is short. */
export const FAST_TIMING: ReflectorTiming = {
  ...DEFAULT_REFLECTOR_TIMING,
  pageLimit: 3,
  shortSessionMs: 0,
  backoff: { baseMs: 1, capMs: 20, resetAfterMs: 100 },
};

export interface PublishedObject {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly data: unknown;
}

export interface ReflectorFixture {
  readonly reflector: Reflector<PublishedObject>;
  readonly store: Map<string, PublishedObject>;
  /** `set key` and `delete key`, by publication. */
  readonly batches: readonly (readonly string[])[];
  readonly failures: readonly Recovery[];
  /** Resolves as soon as `holds()` is true; it is asked after everything the reflector reports. */
  until(holds: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface ReflectorFixtureOptions {
  readonly timing?: Partial<ReflectorTiming>;
  readonly query?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly kubeconfig?: string;
  readonly clock?: Clock;
}

export function startReflector(fake: FakeApiServer, options: ReflectorFixtureOptions = {}): ReflectorFixture {
  const store = new Map<string, PublishedObject>();
  const batches: string[][] = [];
  const failures: Recovery[] = [];
  const state = new AwaitedState();
  const report = (): void => state.report();
  const client = new KubeClient({
    kubeconfig: options.kubeconfig ?? fake.writeKubeconfig(),
    logger: NULL_LOGGER,
    userAgent: 'sluice/test',
    env: {},
  });
  const { clock = systemClock } = options;
  const gate = new RetryGate(clock, 0);
  const reflector = new Reflector<PublishedObject>({
    client,
    path: options.path ?? '/api/v1/services',
    query: options.query ?? {},
    convert: toPublished,
    gate,
    timing: { ...FAST_TIMING, ...options.timing },
    clock,
    random: () => 0,
    listener: {
      onChanges(changes) {
        batches.push(changes.map(({ key, value }) => `${value === null ? 'delete' : 'set'} ${key}`));
        for (const { key, value } of changes) {
          if (value === null) store.delete(key);
          else store.set(key, value);
        }
        report();
      },
      onStateChange: report,
      onContact: report,
      onFailure(_error, recovery) {
        failures.push(recovery);
        report();
      },
    },
  });
  const end = new AbortController();
  const running = reflector.run(end.signal);
  return {
    reflector,
    store,
    batches,
    failures,
    async until(holds) {
      await state.until(() => holds() || undefined);
    },
    async stop() {
      end.abort();
      await running;
      client.close();
    },
  };
}

function toPublished(raw: unknown): PublishedObject {
  const { metadata, data } = asRecord(raw);
  const { uid, resourceVersion } = asRecord(metadata);
  return { uid: String(uid), resourceVersion: String(resourceVersion), data };
}

/** What the server holds, in the form of `ReflectorFixture.store`. */
export function serverState(fake: FakeApiServer, plural = 'services'): Map<string, PublishedObject> {
  return new Map(
    fake.list(plural).map((object) => {
      const { namespace, name } = object.metadata;
      return [namespace === undefined ? name : `${namespace}/${name}`, toPublished(object)];
    }),
  );
}
