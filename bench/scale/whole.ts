/** The whole program against an API server of the tests: time to ready, memory, and how long changes take to count. */

import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { percentile } from '../macro/arithmetic.ts';
import { residentBytes } from '../macro/process-tree.ts';
import { printTrace, type SeenChange } from './change-trace.ts';
import { type ClusterSize, hostOf, podAddress, type RawObject, rawIngress, rawSlice } from './cluster.ts';
import { Controller } from './controller.ts';
import { connectToEach, type ProbeAnswer, type ProbeConnection } from './probe-connection.ts';
import { RequestCores } from './request-cores.ts';
import { measureScrape, type ScrapeCost } from './scrape.ts';
import { ApiServer, Pods } from './servers.ts';
import type { SteadyOptions, SteadyResult } from './steady-client.ts';

const STORM_CHANGES = 1_000;
const LOAD_SECONDS = 5;
const LOAD_RATE = 200;
/** Its endpoints and routes stay as they are: the load goes here. */
const QUIET = 1;
const SCRAPES = 3;
/** Of the thread that asks; the kernel keeps 15 characters. */
const CLIENT = 'steady-client';
const GIVE_UP_MS = 30_000;
/** Between two changes: what a change leaves to do is done by then. */
const SPACING_MS = 150;
/** Code that has never run before takes its time. */
const EARLY_ROUNDS = 10;

export interface WholePlan {
  readonly workers: number;
  /** Of each kind, one after the other. */
  readonly changes: number;
  readonly trace: boolean;
  /** Of calm and storms in turns. */
  readonly storms: number;
  /** During calm and storms: see `request-cores.ts`. */
  readonly requestsApart: boolean;
}

export async function measureWhole(
  size: ClusterSize,
  { workers, changes, storms, trace, requestsApart }: WholePlan,
): Promise<void> {
  const pods = await Pods.start();
  const api = await ApiServer.start({ size, podPort: pods.port });
  const startMs = performance.now();
  const controller = new Controller(api.kubeconfig, { workers, trace });
  try {
    const { httpPort, adminPort } = await controller.ready();
    printMilliseconds('ready after', performance.now() - startMs);
    printMemory('at ready', controller.pid);
    await setTimeout(3_000);
    printMemory('3 s later', controller.pid);
    const connections = await connectToEach(workers, httpPort, hostOf(QUIET));
    await measureChanges({ connections, api, controller, size, podPort: pods.port, changes });
    for (const connection of connections) connection.close();
    printMemory('after changes', controller.pid);
    for (let round = 0; round < SCRAPES; round++) printScrape(await measureScrape(adminPort));
    printMemory('after scrapes', controller.pid);
    const cores = requestsApart ? new RequestCores() : null;
    cores?.divide({ controller: controller.pid, pods: pods.pid, apiServer: api.pid });
    await measureStorms({ size, api, port: httpPort, storms, cores });
    printMemory('after the storm', controller.pid);
  } finally {
    await controller.stop();
    await api.stop();
    pods.stop();
  }
}

interface ChangePlan {
  readonly connections: readonly ProbeConnection[];
  readonly api: ApiServer;
  readonly controller: Controller;
  readonly size: ClusterSize;
  readonly podPort: number;
  readonly changes: number;
}

async function measureChanges(plan: ChangePlan): Promise<void> {
  const { api, controller, connections, size, podPort, changes } = plan;
  const endpoints: SeenChange[] = [];
  const routes: SeenChange[] = [];
  const added: SeenChange[] = [];
  const early: SeenChange[] = [];
  const still: number[] = [];
  const measure = async (into: SeenChange[], write: () => Promise<number>, wanted: Wanted): Promise<void> => {
    const seen = connections.map((connection) => untilSeen(connection, wanted));
    const writtenMs = await write();
    into.push({ writtenMs, seenMs: Math.max(writtenMs, ...(await Promise.all(seen))) });
    await setTimeout(SPACING_MS);
  };
  for (let round = 1; round <= EARLY_ROUNDS + changes; round++) {
    const isEarly = round <= EARLY_ROUNDS;
    const i = QUIET + 1 + ((round * 37) % (size.ingresses - QUIET - 1));
    const moved = new Set(Array.from({ length: size.endpoints }, (_, n) => podAddress(round, n)));
    await measure(isEarly ? early : endpoints, () => api.put('endpointslices', rawSlice(i, size, podPort, round)), {
      host: hostOf(i),
      path: '/api',
      isWanted: ({ body }) => moved.has(body.split(' ', 1)[0] ?? ''),
    });
    await measure(isEarly ? early : routes, () => api.put('ingresses', rawIngress(i, size, `/round-${round}`)), {
      host: hostOf(i),
      path: `/round-${round}`,
      isWanted: ({ status }) => status === 200,
    });
    const { metadata, ...rest } = rawIngress(i, size);
    const spec = { ...(rest['spec'] as object), rules: rulesFor(`new-${round}.example`, rest['spec']) };
    const ingress = { metadata: { ...metadata, name: `new-${round}` }, ...rest, spec };
    await measure(isEarly ? early : added, () => api.put('ingresses', ingress), {
      host: `new-${round}.example`,
      path: '/api',
      isWanted: ({ status }) => status === 200,
    });
    still.push(await timeRequest(connections));
  }
  printTimes('the first changes', early);
  printTimes('endpoint change to effect', endpoints);
  if (controller.records.length > 0) printTrace(endpoints, controller.records, connections.length);
  printTimes('route change to effect', routes);
  printTimes('new ingress to effect', added);
  printLatencies('requests between changes', { latenciesMs: still, failed: 0 });
}

function rulesFor(host: string, spec: unknown): readonly unknown[] {
  return (spec as { readonly rules: readonly object[] }).rules.map((rule) => ({ ...rule, host }));
}

/** What the machine adds to every figure. */
async function timeRequest(connections: readonly ProbeConnection[]): Promise<number> {
  const startMs = performance.now();
  await Promise.all(connections.map((connection) => connection.ask(hostOf(QUIET), '/api')));
  return performance.now() - startMs;
}

interface Wanted {
  readonly host: string;
  readonly path: string;
  readonly isWanted: (answer: ProbeAnswer) => boolean;
}

/** @returns when the first answer that is as wanted was there */
async function untilSeen(connection: ProbeConnection, { host, path, isWanted }: Wanted): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < GIVE_UP_MS) {
    const answer = await connection.ask(host, path);
    if (isWanted(answer)) return answer.atMs;
  }
  throw new Error(`the change of ${host}${path} had no effect in ${GIVE_UP_MS} ms`);
}

interface StormPlan {
  readonly size: ClusterSize;
  readonly api: ApiServer;
  readonly port: number;
  readonly storms: number;
  /** Null = everybody has all of them. */
  readonly cores: RequestCores | null;
}

/**
 * In turns, because a shared machine is not the same machine a minute later. Somebody watches also what is of no concern here: the
 * API server has the same to tell.
 */
async function measureStorms({ size, api, port, storms, cores }: StormPlan): Promise<void> {
  const aside = `requests, ${STORM_CHANGES} writes of no concern`;
  const routes = `requests, ${STORM_CHANGES} route changes`;
  const loads = new Map<string, SteadyResult[]>();
  await api.watch('/api/v1/pods');
  const measure = async (name: string, during: () => Promise<void>): Promise<void> => {
    const load = await SteadyLoad.start(port, cores);
    await during();
    loads.set(name, [...(loads.get(name) ?? []), await load.result]);
  };
  for (let round = 0; round < storms; round++) {
    await measure('requests, nothing changes', () => Promise.resolve());
    await measure(aside, () => storm(size, round, (ingress) => api.put('pods', ingress)));
    await measure(routes, () => storm(size, round, (ingress) => api.put('ingresses', ingress)));
  }
  for (const [name, results] of loads) {
    const latenciesMs = results.flatMap((result) => result.latenciesMs);
    printLatencies(name, { latenciesMs, failed: results.reduce((sum, { failed }) => sum + failed, 0) });
  }
}

/** @param write stores it: what the controller does not watch costs the writer and the API server as much */
async function storm(size: ClusterSize, round: number, write: (ingress: RawObject) => Promise<number>): Promise<void> {
  for (let n = 0; n < STORM_CHANGES; n++) {
    const i = QUIET + 1 + ((n * 41) % (size.ingresses - QUIET - 1));
    await Promise.all([
      write(rawIngress(i, size, `/storm-${round}-${n}`)),
      setTimeout((LOAD_SECONDS * 1_000) / STORM_CHANGES - 1),
    ]);
  }
}

class SteadyLoad {
  readonly result: Promise<SteadyResult>;

  private constructor(client: Worker) {
    this.result = once(client, 'message').then(([result]) => result as SteadyResult);
  }

  /** Resolves when the requests that count begin. */
  static async start(port: number, cores: RequestCores | null): Promise<SteadyLoad> {
    const workerData: SteadyOptions = { port, host: hostOf(QUIET), seconds: LOAD_SECONDS, rate: LOAD_RATE };
    const client = new Worker(new URL('./steady-client.ts', import.meta.url), { workerData, name: CLIENT });
    await once(client, 'message');
    cores?.addThreads(process.pid, CLIENT);
    return new SteadyLoad(client);
  }
}

function printMilliseconds(what: string, ms: number): void {
  console.log(`${what.padEnd(38)}${ms.toFixed(0).padStart(9)} ms`);
}

function printMemory(when: string, pid: number): void {
  console.log(`${`resident ${when}`.padEnd(38)}${(residentBytes(pid) / 1e6).toFixed(0).padStart(9)} MB`);
}

function printScrape({ tookMs, bytes, longestWaitMs }: ScrapeCost): void {
  const figures = [tookMs, longestWaitMs].map((ms) => ms.toFixed(0).padStart(9)).join('');
  console.log(`${'scrape, longest wait of others'.padEnd(38)}${figures} ms   ${(bytes / 1e6).toFixed(2)} MB`);
}

function printTimes(what: string, changes: readonly SeenChange[]): void {
  printLatencies(what, { latenciesMs: changes.map(({ writtenMs, seenMs }) => seenMs - writtenMs), failed: 0 });
}

function printLatencies(what: string, { latenciesMs, failed }: SteadyResult): void {
  const figures = [50, 99, 100].map((percent) => percentile(latenciesMs, percent).toFixed(1).padStart(9)).join('');
  console.log(
    `${what.padEnd(38)}${figures} ms   p50, p99, max of ${latenciesMs.length}${failed === 0 ? '' : `, ${failed} failed`}`,
  );
}
