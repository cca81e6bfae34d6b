/** Composition root: the only place that builds the services of a serving process and connects them. */
import { AdminServer } from '../admin/admin-server.ts';
import { dumpConfig } from '../admin/dump-config.ts';
import { dumpMirror } from '../admin/dump-mirror.ts';
import { dumpReleases } from '../admin/dump-releases.ts';
import { type Applied, ControlLoop } from '../control/control-loop.ts';
import { type Locate, ProblemReporter } from '../control/problem-reporter.ts';
import { WorkerPool } from '../control/worker-pool.ts';
import { ActiveProber } from '../health/active-prober.ts';
import { stdoutDestination } from '../log/destination.ts';
import type { Logger } from '../log/logger.ts';
import { Provenances } from '../metrics/provenances.ts';
import { MetricsRegistry } from '../metrics/registry.ts';
import type { ControlStatus } from '../metrics/scrape.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { KeyPair } from '../model/objects.ts';
import { type ListenerConfig, type ProxyConfig, toEndpointId } from '../model/proxy-config.ts';
import { findUpstream } from '../model/sorted-config.ts';
import type { WorkerSettings } from '../model/worker-messages.ts';
import { ProbeResponse } from '../proxy/http1/probe-response.ts';
import { ProbeConnector } from '../proxy/probe-connector.ts';
import type { LastKnownGood } from '../watch/last-known-good.ts';
import type { Admission } from './admission.ts';
import { toCompileSettings } from './compile-settings.ts';
import { type ConnectionPlan, planConnections } from './connection-plan.ts';
import { FileLoan } from './file-loan.ts';
import { openFileLimit } from './open-file-limit.ts';
import { type ReleaseKeeping, Releases } from './releases.ts';
import type { CommonSettings } from './settings.ts';
import { readVersion } from './version.ts';

export interface ServiceOptions {
  readonly settings: CommonSettings;
  readonly logger: Logger;
  readonly fallbackCertificate: KeyPair;
  readonly locate: Locate;
  readonly onUnusable: () => void;
  readonly onFirstApplyFailed: () => void;
  /** What the source has to say to `/readyz`. */
  readonly sourceDetail: () => Readonly<Record<string, unknown>>;
  /** Null = what is served is not kept. */
  readonly lastKnownGood: LastKnownGood | null;
  readonly admission: Admission | null;
  readonly feedback: Feedback | null;
  readonly releases: ReleaseKeeping;
}

/** What is written back to the cluster. */
export interface Feedback {
  status(): NonNullable<ControlStatus['leader']>;
  onApplied(applied: Applied): void;
  /** Ends after `signal` aborted, when nothing is left to write. */
  run(signal: AbortSignal): Promise<void>;
}

export interface Services {
  readonly pool: WorkerPool;
  readonly loop: ControlLoop;
  readonly prober: ActiveProber;
  readonly admin: AdminServer;
  readonly lastKnownGood: LastKnownGood | null;
  readonly admission: Admission | null;
  readonly releases: Releases;
  /** Settles with the first configuration in force. */
  readonly firstApplied: Promise<void>;
  /** Readiness is withdrawn: no new traffic, please. */
  startDraining(): void;
}

/** Elsewhere the kernel does not spread connections over sockets that share a port: one worker has to do. */
const REUSE_PORT = process.platform === 'linux';

export function wire(options: ServiceOptions): Services {
  const { settings, logger } = options;
  const firstApplied = Promise.withResolvers<void>();
  const workers = REUSE_PORT ? settings.workers : 1;
  const plan = limitConnections(settings, workers, logger);
  const loan = new FileLoan(plan.maxLent, workers);
  let draining = false;
  const pool: WorkerPool = new WorkerPool({
    script: new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
    count: workers,
    settings: toWorkerSettings(settings, workers, plan, loan),
    hangTimeoutMs: settings.workerHangTimeoutMs,
    takeover: settings.takeover,
    logger,
    onAccessLines: (lines) => stdoutDestination().write(lines),
    health: () => prober.snapshot(),
    onWorkerLost: (workerId) => metrics.retire(workerId),
  });
  const prober: ActiveProber = wireProber(logger, plan, loan, pool);
  const loop: ControlLoop = new ControlLoop({
    settings: toCompileSettings(settings, {
      fallbackCertificate: options.fallbackCertificate,
      listeners: toListeners(settings),
    }),
    logger,
    problems: new ProblemReporter(logger, options.locate),
    apply: (config, changes) => pool.apply(config, changes),
    applyEndpoints: (changes, running) => pool.applyEndpoints(changes, running),
    onApplied: (applied) => {
      prober.apply(applied.config.upstreams, applied.upstreams);
      noteApplied(options, applied, releases.originOf(applied.snapshot));
      releases.observe(applied.config, applied);
      firstApplied.resolve();
    },
    onUnusable: options.onUnusable,
    onFirstApplyFailed: options.onFirstApplyFailed,
  });
  const releases: Releases = new Releases({
    keeping: options.releases,
    collect: () => pool.collectReleaseFigures(),
    logger,
  });
  const metrics: MetricsRegistry = wireMetrics(options, { pool, loop, prober, releases });
  const admin = new AdminServer({
    bind: settings.adminBind,
    port: settings.adminPort,
    reusePort: REUSE_PORT,
    logger,
    readiness: () => ({
      ready: pool.ready && !draining,
      detail: {
        generation: loop.running?.generation ?? 0,
        workers: pool.size,
        draining,
        ...options.sourceDetail(),
      },
    }),
    metrics: () => metrics.render(),
    releases: () => dumpReleases(releases.report()),
    mirror: async () => dumpMirror(await pool.collect('notable')),
    dump: async () => {
      if (loop.running === null) return null;
      const config = withLocations(loop.running, options.locate);
      return dumpConfig(config, await pool.collect('all'), (upstreamId, id) => prober.lastCheck(upstreamId, id));
    },
  });
  return {
    pool,
    loop,
    prober,
    admin,
    lastKnownGood: options.lastKnownGood,
    admission: options.admission,
    releases,
    firstApplied: firstApplied.promise,
    startDraining: () => {
      draining = true;
    },
  };
}

/** What did not come from the source is kept for the next start, but written nowhere. */
/** @param origin what the source said, without the states that releases have meanwhile */
function noteApplied({ lastKnownGood, feedback }: ServiceOptions, applied: Applied, origin: ObjectSnapshot): void {
  lastKnownGood?.noteApplied(origin === lastKnownGood.stored ? origin : applied.snapshot);
  feedback?.onApplied({ ...applied, snapshot: origin });
}

function wireProber(logger: Logger, plan: ConnectionPlan, lender: FileLoan, pool: WorkerPool): ActiveProber {
  const connector = new ProbeConnector();
  return new ActiveProber({
    logger,
    onChange: (changes) => pool.applyHealth(changes),
    tools: {
      connect: (address, transport, user) => connector.connect(address, transport, user),
      createWriter: (socket) => connector.createWriter(socket),
      createReader: () => new ProbeResponse(),
    },
    limits: plan.probes,
    lender,
    random: Math.random,
  });
}

function wireMetrics(
  { settings, lastKnownGood, admission, feedback }: ServiceOptions,
  { pool, loop, prober, releases }: Pick<Services, 'pool' | 'loop' | 'prober' | 'releases'>,
): MetricsRegistry {
  const provenances = new Provenances();
  return new MetricsRegistry({
    collectWorkers: () => pool.collect('notable'),
    control: () => ({
      generation: loop.running?.generation ?? 0,
      lastApplySucceeded: loop.lastApplySucceeded,
      lastAppliedAt: loop.lastAppliedAt,
      applied: loop.applied,
      applyFailures: loop.failures + loop.rejectedEdits,
      workerRestarts: pool.restarts,
      workerHangs: pool.hangs,
      problems: loop.running?.problems ?? [],
      leader: feedback?.status() ?? null,
      snapshot: lastKnownGood?.status() ?? null,
      admission: admission?.webhook.totals ?? null,
      releases: releases.report(),
    }),
    routes: () => provenances.of(loop.running?.routes ?? []),
    upstreams: {
      hasUpstream: (id) => findUpstream(loop.running?.upstreams ?? [], id) !== null,
      weightsOf: (id) => {
        const endpoints = findUpstream(loop.running?.upstreams ?? [], id)?.endpoints ?? [];
        return new Map(endpoints.map(({ address, port, weight }) => [toEndpointId(address, port), weight]));
      },
    },
    certificates: () => loop.running?.certificates ?? [],
    health: () => prober.stats(),
    nginx: settings.nginxMetrics ? nginxIdentity(settings) : null,
    version: readVersion(),
  });
}

function nginxIdentity(settings: CommonSettings): ConstructorParameters<typeof MetricsRegistry>[0]['nginx'] {
  return {
    controllerClass: settings.controllerName,
    controllerNamespace: process.env['POD_NAMESPACE'] ?? '',
    controllerPod: process.env['POD_NAME'] ?? '',
  };
}

/** Places in files are looked up when somebody asks, not with every compile. */
function withLocations(config: ProxyConfig, locate: Locate): ProxyConfig {
  const routes = config.routes.map((route) => ({ ...route, location: locate(route.source, route.sourceField) }));
  return { ...config, routes };
}

function toListeners(settings: CommonSettings): readonly ListenerConfig[] {
  const { bind: address, httpPort, httpsPort, advertisedHttpPort, advertisedHttpsPort } = settings;
  const { proxyProtocolTrusted: trusted, trustedProxies } = settings;
  const shared = {
    address,
    proxyProtocol: trusted.length === 0 ? null : { trusted },
    trustedProxies,
    clientCertificates: [],
  };
  return [
    { name: 'http', protocol: 'http', port: httpPort, advertisedPort: advertisedHttpPort, ...shared },
    { name: 'https', protocol: 'https', port: httpsPort, advertisedPort: advertisedHttpsPort, ...shared },
  ];
}

function limitConnections(settings: CommonSettings, workers: number, logger: Logger): ConnectionPlan {
  const openFiles = openFileLimit();
  const plan = planConnections(settings.maxConnections, workers, openFiles);
  if (openFiles < plan.openFilesWanted) {
    const fields = { openFiles, openFilesWanted: plan.openFilesWanted, maxConnections: plan.maxConnections * workers };
    if (settings.maxConnections === 'auto') logger.info('connections limited by the limit of open files', fields);
    else logger.warn('limit of open files too low, fewer connections than asked for', fields);
  }
  return plan;
}

function toWorkerSettings(
  settings: CommonSettings,
  workers: number,
  plan: ConnectionPlan,
  loan: FileLoan,
): Omit<WorkerSettings, 'workerId' | 'pulse'> {
  return {
    workers,
    loan: loan.shared,
    ...settings.clientLimits,
    accessLog: settings.accessLog,
    maxConnections: plan.maxConnections,
    maxSockets: plan.maxSockets,
    proxyHeaderTimeoutMs: 3_000,
    tlsHandshakeTimeoutMs: 10_000,
    maxIdlePerEndpoint: 256,
    upstreamIdleTimeoutMs: 60_000,
    reusePort: REUSE_PORT,
  };
}
