/** A data-plane thread that applies nothing and does what the configuration's first problem message says. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { readPatch, readRoutes } from '../../../src/model/config-patch.ts';
import type { RouteConfig } from '../../../src/model/proxy-config.ts';
import type { BoundPort, FromWorker, ToWorker, WorkerSettings } from '../../../src/model/worker-messages.ts';
import type { StatsRows } from '../../../src/model/worker-stats.ts';
import { routeRow, workerStats } from '../../support/worker-stats.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker thread only');
const send = (message: FromWorker): void => port.postMessage(message);
const { workerId, pulse } = workerData as WorkerSettings;
Atomics.add(pulse, 0, 1);
setInterval(() => Atomics.add(pulse, 0, 1), 20);
/** Whether it answers who asks for its counters. */
let counts = false;
/** Whether it dies with its next answer about releases, which tells of ten requests more. */
let hasLastWords = false;

/** `die:2` concerns worker 2 only, `die` every one. */
function isTold(order: string, what: string): boolean {
  return order === what || order === `${what}:${workerId}`;
}

port.on('message', (message: ToWorker) => {
  if (message.type === 'drain') send({ type: 'drained' });
  if (message.type === 'endpoints') {
    if (message.changes.some(({ upstreamId }) => isTold(upstreamId, 'die'))) process.exit(1);
    while (message.changes.some(({ upstreamId }) => isTold(upstreamId, 'hang')));
    hasLastWords ||= message.changes.some(({ upstreamId }) => isTold(upstreamId, 'last-words'));
    counts ||= message.changes.some(({ upstreamId }) => isTold(upstreamId, 'count'));
    send({ type: 'endpoints-applied', sequence: message.sequence });
  }
  if (message.type === 'stats' && counts) {
    const { requestId } = message;
    const of = (name: string): StatsRows => ({ routes: [routeRow(name, workerId)], endpoints: [], upstreams: [] });
    send({ type: 'stats-rows', requestId, rows: of('first') });
    send({ type: 'stats-rows', requestId, rows: of('second') });
    send({ type: 'stats', requestId, stats: workerStats(workerId, of('last')) });
  }
  if (message.type === 'ticket-keys') {
    const fields = { bytes: message.keys.length, digest: createHash('sha256').update(message.keys).digest('hex') };
    send({ type: 'log', level: 'info', message: 'ticket keys', fields });
  }
  if (message.type === 'release-figures') {
    const requests = workerId + (hasLastWords ? 10 : 0);
    const side = { requests, failures: 0, latency: [requests] };
    send({ type: 'release-figures', requestId: message.requestId, rows: [{ id: 'r', stable: side, canary: side }] });
    if (hasLastWords) process.exit(1);
  }
  if (message.type === 'health') {
    send({ type: 'log', level: 'info', message: 'health', fields: { endpoints: message.changes.length } });
  }
  if (message.type === 'config') {
    const { config, ports } = message;
    const bound = config.listeners.map(({ name }) => ({ listener: name, port: 40_000 + workerId }));
    apply({ generation: config.generation, route: config.routes[0], ports, bound });
  }
  if (message.type === 'patch') {
    const { base, generation, hosts, policies } = readPatch(message.patch);
    const [route] = hosts[0] === undefined ? [] : readRoutes(hosts[0], policies);
    if (isTold(route?.id ?? '', 'lose-step')) {
      send({ type: 'out-of-step', generation });
      return;
    }
    send({ type: 'log', level: 'info', message: 'patching', fields: { base, generation } });
    apply({ generation, route, ports: [], bound: [] });
  }
});

interface Apply {
  readonly generation: number;
  /** Its id is what to do, and its host perhaps a file that says when to go on. */
  readonly route: RouteConfig | undefined;
  readonly ports: readonly BoundPort[];
  readonly bound: readonly BoundPort[];
}

function apply({ generation, route, ports, bound }: Apply): void {
  const order = route?.id ?? '';
  if (isTold(order, 'die')) throw new Error('told to die');
  if (isTold(order, 'hang')) for (;;);
  if (isTold(order, 'refuse-late')) while (!existsSync(route?.host ?? ''));
  send({ type: 'log', level: 'info', message: 'applying', fields: { generation, ports } });
  const refuses = isTold(order, 'refuse') || isTold(order, 'refuse-late');
  send({ type: 'applied', generation, error: refuses ? `refused by ${workerId}` : '', ports: bound });
}
