/** Entry of a data-plane thread: builds the proxy, then does what the control plane says, in order. */
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { UpstreamRegistry } from '../balancer/upstream-registry.ts';
import { applyConfig } from '../live/apply-config.ts';
import { applyPatch } from '../live/apply-patch.ts';
import { LiveState } from '../live/live-state.ts';
import { collectRows } from '../live/stats-rows.ts';
import { readPatch } from '../model/config-patch.ts';
import type { FromWorker, ToWorker, WorkerSettings } from '../model/worker-messages.ts';
import type { RowChoice, StatsRows } from '../model/worker-stats.ts';
import { AccessLogBuffer } from '../proxy/access-log-buffer.ts';
import { collectStats } from '../proxy/collect-stats.ts';
import { createTransport } from '../proxy/create-transport.ts';
import { ProxyServer } from '../proxy/server.ts';
import { ThrottledWarning } from '../proxy/throttled-warning.ts';
import { WorkerContext } from '../proxy/worker-context.ts';
import { collectGarbage } from './collect-garbage.ts';
import { PortLogger } from './port-logger.ts';
import { takeTurns } from './take-turns.ts';

/** So many take some milliseconds. */
const STATS_ROWS_PER_TURN = 1_000;

if (parentPort === null) throw new Error('this file runs in a worker thread only');
const port = parentPort;
const settings = workerData as WorkerSettings;
const send = (message: FromWorker): void => port.postMessage(message);
const logger = new PortLogger(send, {});
const seed = settings.workerId;
const registry: UpstreamRegistry = new UpstreamRegistry(
  (endpoint, config) => createTransport(worker, endpoint, config),
  seed,
  settings.workers,
  {
    onEjectionChanges: (changes) => send({ type: 'ejections', changes }),
    onPanic: (upstream) => panicWarning.warn({ upstream: upstream.id, available: upstream.available.length }),
  },
);
const live = new LiveState(registry);
const accessLog =
  settings.accessLog === 'off'
    ? null
    : new AccessLogBuffer(settings.accessLog, (lines) => send({ type: 'access-log', lines }));
const worker: WorkerContext = new WorkerContext(
  settings,
  live,
  logger,
  (Math.random() * 0x7fff_ffff) | 0,
  accessLog === null ? null : (entry) => accessLog.add(entry),
);
const panicWarning = new ThrottledWarning(worker, 'too few healthy endpoints, health is ignored');
const server = new ProxyServer(worker);
const beat = (): void => {
  Atomics.add(settings.pulse, 0, 1);
};
beat();
worker.clock.watch({ onTick: beat });
// Who waits for an endpoint, or is about to give up, counts on the ejections and weights of now.
worker.clock.lead(registry);

/** Opening and closing listeners takes a moment; whatever changes the running state waits its turn behind it. */
let changing: Promise<void> = Promise.resolve();

port.on('message', (message: ToWorker) => {
  // What a message asks for may take a while.
  worker.heldWrites.end();
  switch (message.type) {
    case 'ticket-keys':
      changing = changing.then(() => server.useTicketKeys(message.keys));
      break;
    case 'config':
      changing = changing.then(() => apply(message)).then(onApplied);
      break;
    case 'patch':
      changing = changing.then(() => applyChanges(message));
      break;
    case 'endpoints':
      changing = changing.then(() => {
        for (const change of message.changes) registry.applyEndpoints(change);
        send({ type: 'endpoints-applied', sequence: message.sequence });
      });
      break;
    case 'health':
      changing = changing.then(() => registry.applyHealth(message.changes));
      break;
    case 'ejections':
      changing = changing.then(() => registry.adoptEjections(message.changes));
      break;
    case 'stats':
      void sendStats(message.requestId, message.rows);
      break;
    case 'release-figures':
      send({ type: 'release-figures', requestId: message.requestId, rows: live.releases.toFigures() });
      break;
    case 'leave':
      worker.leaving = true;
      break;
    case 'drain':
      void drain(message.deadlineMs);
      break;
  }
});

async function apply({ config, ports }: Extract<ToWorker, { type: 'config' }>): Promise<FromWorker> {
  let error = '';
  try {
    // Before any of them is in force.
    if (config.routes.some(({ policy }) => policy.mirror !== null)) await worker.mirrors.prepare();
    const listeners = await server.open(config.listeners, ports);
    try {
      applyConfig(live, config);
    } catch (cause) {
      server.discard(listeners);
      throw cause;
    }
    server.use(listeners);
    server.useCertificates();
  } catch (cause) {
    live.configApplyFailures++;
    error = cause instanceof Error ? cause.message : String(cause);
  }
  return { type: 'applied', generation: config.generation, error, ports: server.ports };
}

async function onApplied(applied: FromWorker): Promise<void> {
  if (live.configApplied === 1) {
    // By then nothing holds the message any more that the configuration came in.
    await setImmediate();
    collectGarbage();
  }
  send(applied);
}

/** Requests have their turn in between. */
async function applyChanges({ patch: written }: Extract<ToWorker, { type: 'patch' }>): Promise<void> {
  const patch = readPatch(written);
  let error = '';
  try {
    if (patch.mirrors) await worker.mirrors.prepare();
    if (!(await takeTurns(applyPatch(live, patch), endTurn))) {
      send({ type: 'out-of-step', generation: patch.generation });
      return;
    }
    if (patch.certificates !== null) server.useCertificates();
  } catch (cause) {
    live.configApplyFailures++;
    error = cause instanceof Error ? cause.message : String(cause);
  }
  send({ type: 'applied', generation: patch.generation, error, ports: server.ports });
}

function endTurn(): void {
  worker.heldWrites.end();
}

/** Between batches of rows requests have their turn. */
async function sendStats(requestId: number, choice: RowChoice): Promise<void> {
  let last: StatsRows | null = null;
  for (const rows of collectRows(live, STATS_ROWS_PER_TURN, choice)) {
    if (last !== null) {
      send({ type: 'stats-rows', requestId, rows: last });
      await setImmediate();
      worker.heldWrites.end();
    }
    last = rows;
  }
  if (last !== null) send({ type: 'stats', requestId, stats: collectStats(worker, last) });
}

async function drain(deadlineMs: number): Promise<void> {
  await server.drain(deadlineMs);
  worker.mirrors.close();
  accessLog?.close();
  worker.clock.close();
  send({ type: 'drained' });
}
