/** The two serving commands: start-up order, the ready line, signals, shutdown order. */
import { setTimeout } from 'node:timers/promises';
import { isClassMissing, isOurs } from '../config/ingress-class.ts';
import { checkPorts } from '../control/check-ports.ts';
import type { Logger } from '../log/logger.ts';
import { NO_REPLICAS } from '../release/replica-exchange.ts';
import type { KubernetesFeedback } from '../watch/kubernetes-feedback.ts';
import type { KubernetesSource } from '../watch/kubernetes-source.ts';
import type { LastKnownGood } from '../watch/last-known-good.ts';
import type { ConfigSource } from '../watch/source.ts';
import type { Admission } from './admission.ts';
import { collectGarbage } from './collect-garbage.ts';
import { paceCollections } from './collection-pace.ts';
import { makeFallbackCertificate } from './fallback-certificate.ts';
import { growFileTable } from './file-table.ts';
import { openFileLimit } from './open-file-limit.ts';
import type { ReleaseKeeping } from './releases.ts';
import type { CommonSettings, ControllerSettings, ServeSettings } from './settings.ts';
import { readVersion } from './version.ts';
import { type Feedback, type Services, wire } from './wire.ts';
import { enlargeYoungGenerations } from './young-generation.ts';

const EXIT_FAILED = 1;

export async function runServe(settings: ServeSettings, logger: Logger): Promise<number> {
  const source = await openFileSource(settings, logger);
  return run(settings, logger, {
    source,
    sourceDetail: () => ({}),
    exitWhenUnusable: true,
    lastKnownGood: null,
    admission: null,
    feedback: null,
    releases: await openReleaseFile(settings, logger),
  });
}

/** A release that is missing for so long was taken away; shorter, somebody is at work on its files. */
const ABSENT_LIMIT_MS = 10 * 60_000;
/** Room for so many is there before traffic is: more takes longer than it is worth. */
const FILES_AT_START = 1_024;

async function openReleaseFile({ releaseState }: ServeSettings, logger: Logger): Promise<ReleaseKeeping> {
  const { MEMORY_STORE, ReleaseFile } = await import('../release/release-file.ts');
  const file = releaseState === null ? null : await ReleaseFile.open(releaseState, logger);
  return {
    store: file ?? MEMORY_STORE,
    replicas: NO_REPLICAS,
    states: file?.states ?? new Map(),
    absentLimitMs: ABSENT_LIMIT_MS,
    onForgotten: (id) => file?.forget(id),
    onTransition: () => {},
  };
}

/** Each source is loaded only where it is used: the Kubernetes client alone costs more memory than the proxy. */
async function openFileSource({ source }: ServeSettings, logger: Logger): Promise<ConfigSource> {
  if (source.kind === 'manifests') {
    const { ManifestSource } = await import('../watch/manifest-source.ts');
    return new ManifestSource(source.path, logger);
  }
  const { StaticSource } = await import('../watch/static-source.ts');
  return new StaticSource(source.path, logger);
}

export async function runController(settings: ControllerSettings, logger: Logger): Promise<number> {
  const { KubernetesSource } = await import('../watch/kubernetes-source.ts');
  const { KubernetesFeedback } = await import('../watch/kubernetes-feedback.ts');
  const userAgent = `sluice/${readVersion()}`;
  let lastKnownGood: LastKnownGood | null;
  try {
    lastKnownGood = await openSnapshotDirectory(settings, logger);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error('--snapshot-dir cannot be used', { directory: settings.snapshotDir, reason });
    return EXIT_FAILED;
  }
  let source: KubernetesSource;
  let feedback: KubernetesFeedback;
  try {
    feedback = new KubernetesFeedback({
      kubeconfig: settings.kubeconfig,
      electionId: settings.electionId,
      publishService: settings.publishService,
      publishStatusAddresses: settings.publishStatusAddresses,
      isOurs: (ingress, classes) => isOurs(ingress, classes, settings),
      isClassMissing: (ingress, classes) => isClassMissing(ingress, classes, settings),
      logger,
      userAgent,
      env: process.env,
    });
    source = new KubernetesSource({
      kubeconfig: settings.kubeconfig,
      namespaces: settings.watchNamespaces,
      ingressClass: settings.ingressClass,
      controllerName: settings.controllerName,
      onIngress: (key, record) => feedback.observe(key, record),
      logger,
      userAgent,
      earlier: lastKnownGood?.stored ?? null,
    });
  } catch (error) {
    logger.error('no API server to talk to', { reason: error instanceof Error ? error.message : String(error) });
    return EXIT_FAILED;
  }
  const writeBack: Feedback = {
    status: () => ({ electionId: settings.electionId, isLeader: feedback.isLeader, writes: feedback.writes() }),
    // What did not come from the cluster just now is no reason to change anything there.
    onApplied: ({ config, snapshot, changes }) => {
      if (source.synced && snapshot !== lastKnownGood?.stored) feedback.update(snapshot, config, changes);
    },
    run: (signal) => feedback.run(signal),
  };
  return run(settings, logger, {
    source: lastKnownGood?.backUp(source) ?? source,
    sourceDetail: () => ({
      leader: feedback.isLeader,
      resources: source.status(),
      ...(lastKnownGood === null ? {} : { snapshot: lastKnownGood.status() }),
    }),
    exitWhenUnusable: false,
    lastKnownGood,
    admission: await openAdmission(settings, logger),
    feedback: writeBack,
    releases: keepInCluster(source, feedback),
  });
}

/** States stand in the objects themselves, and go with them. */
function keepInCluster(source: KubernetesSource, feedback: KubernetesFeedback): ReleaseKeeping {
  return {
    store: {
      // What an earlier run left says nothing of how far a release is now.
      decides: () => feedback.isLeader && source.synced,
      store: (id, state, before) => feedback.releases.store(id, state, before),
    },
    replicas: feedback.replicas,
    states: new Map(),
    absentLimitMs: 0,
    onForgotten: () => {},
    onTransition: ({ id, reason, severity, note }) =>
      feedback.note(id, { type: severity === 'warning' ? 'Warning' : 'Normal', reason, note }),
  };
}

async function openSnapshotDirectory(
  { snapshotDir, watchNamespaces: namespaces, defaultTlsSecret }: ControllerSettings,
  logger: Logger,
): Promise<LastKnownGood | null> {
  if (snapshotDir === null) return null;
  const { openLastKnownGood } = await import('../watch/last-known-good.ts');
  return openLastKnownGood(snapshotDir, { namespaces, defaultTlsSecret }, logger);
}

async function openAdmission(settings: ControllerSettings, logger: Logger): Promise<Admission | null> {
  const { webhook } = settings;
  if (webhook === null) return null;
  const { Admission } = await import('./admission.ts');
  return new Admission({ settings, webhook, logger });
}

/** Where the configuration comes from, and what becomes of it besides being served. */
interface Supply {
  readonly source: ConfigSource;
  /** For `/readyz`. */
  readonly sourceDetail: () => Readonly<Record<string, unknown>>;
  /** Something that cannot be used, before anything was served, ends the process. */
  readonly exitWhenUnusable: boolean;
  readonly lastKnownGood: LastKnownGood | null;
  readonly admission: Admission | null;
  /** Null where there is no cluster to write to. */
  readonly feedback: Feedback | null;
  readonly releases: ReleaseKeeping;
}

async function run(settings: CommonSettings, logger: Logger, supply: Supply): Promise<number> {
  const { source, sourceDetail, exitWhenUnusable, lastKnownGood, admission, feedback, releases } = supply;
  const stop = new AbortController();
  const ended = Promise.withResolvers<number>();
  const services = wire({
    settings,
    logger,
    fallbackCertificate: await makeFallbackCertificate(),
    locate: (ref, field) => source.locate(ref, field),
    onUnusable: () => {
      if (exitWhenUnusable) ended.resolve(EXIT_FAILED);
    },
    onFirstApplyFailed: () => ended.resolve(EXIT_FAILED),
    sourceDetail,
    lastKnownGood,
    admission,
    feedback,
    releases,
  });
  let written = Promise.resolve();
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(EXIT_FAILED);
    stopping = true;
    void shutDown(services, settings, logger, signal, stop)
      // The lease is given back while requests end.
      .then(() => written)
      .then(() => ended.resolve(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  let adminPort: number;
  try {
    if (!settings.takeover) await assertAdminPortFree(settings);
    adminPort = await services.admin.listen();
  } catch (error) {
    logger.error('admin port cannot be bound', { bind: settings.adminBind, port: settings.adminPort, error });
    return EXIT_FAILED;
  }
  let webhookPort: number | null = null;
  try {
    if (admission !== null) webhookPort = await admission.listen();
  } catch (error) {
    logger.error('webhook port cannot be bound', { bind: settings.bind, error });
    return EXIT_FAILED;
  }
  paceCollections();
  void growFileTable(Math.min(FILES_AT_START, openFileLimit() / 2));
  enlargeYoungGenerations();
  services.pool.start();
  const listener = services.releases.passTo(admission?.passTo(services.loop) ?? services.loop);
  void source.start(listener, stop.signal);
  if (feedback !== null) written = feedback.run(stop.signal);
  const otherPorts = { adminPort, ...(webhookPort === null ? {} : { webhookPort }) };
  void services.firstApplied.then(() => {
    logger.info('ready', { ...toPortFields(services), ...otherPorts });
    setImmediate(collectGarbage);
  });
  const exitCode = await ended.promise;
  stop.abort();
  if (exitCode !== 0) {
    services.prober.close();
    await Promise.all([services.pool.drain(0), services.admin.close()]);
  }
  return exitCode;
}

/** The admin port could be shared with another process of the same user, as listeners could. */
async function assertAdminPortFree({ adminBind: address, adminPort: port }: CommonSettings): Promise<void> {
  const occupied = await checkPorts([{ name: 'admin', address, port }]);
  if (occupied !== '') throw new Error(occupied);
}

/**
 * Readiness goes first, so that nobody sends more; probes and metrics answer until the last request is through.
 * Configuration is followed until the drain begins: traffic may still come until then.
 */
async function shutDown(
  services: Services,
  settings: CommonSettings,
  logger: Logger,
  signal: NodeJS.Signals,
  stop: AbortController,
): Promise<void> {
  const { shutdownDelayMs, drainTimeoutMs } = settings;
  services.startDraining();
  // Who presses Ctrl-C does not want to wait for load balancers.
  if (shutdownDelayMs > 0 && signal === 'SIGTERM') {
    logger.info('shutting down', { signal, delayMs: shutdownDelayMs });
    services.pool.leave();
    await setTimeout(shutdownDelayMs);
  }
  logger.info('draining', { signal, timeoutMs: drainTimeoutMs });
  stop.abort();
  services.releases.close();
  await Promise.all([services.pool.drain(settings.drainTimeoutMs), services.lastKnownGood?.close()]);
  services.prober.close();
  await Promise.all([services.admin.close(), services.admission?.close()]);
  logger.info('stopped');
}

/** `httpPort` and `httpsPort` are the first listener of each kind, whatever the static file calls them; null = none. */
function toPortFields({ pool, loop }: Services): Readonly<Record<string, unknown>> {
  const listeners = loop.running?.listeners ?? [];
  const portOf = (protocol: 'http' | 'https'): number | null => {
    const name = listeners.find((listener) => listener.protocol === protocol)?.name;
    return pool.ports.find(({ listener }) => listener === name)?.port ?? null;
  };
  return { httpPort: portOf('http'), httpsPort: portOf('https') };
}
