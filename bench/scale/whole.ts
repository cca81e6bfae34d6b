/** The whole program against an API server of this process: time to ready, memory, and how long changes take to count. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Client } from 'undici';
import { FakeApiServer } from '../../test/support/fake-apiserver/server.ts';
import { percentile } from '../macro/arithmetic.ts';
import { residentBytes } from '../macro/process-tree.ts';
import {
  type ClusterSize,
  hostOf,
  podAddress,
  rawClass,
  rawIngress,
  rawSecrets,
  rawService,
  rawSlice,
} from './cluster.ts';
import { Controller } from './controller.ts';
import type { SteadyOptions, SteadyResult } from './steady-client.ts';

const CHANGES = 100;
const STORM_CHANGES = 1_000;
const LOAD_SECONDS = 5;
const LOAD_RATE = 200;
/** Its endpoints and routes stay as they are: the load goes here. */
const QUIET = 1;
const GIVE_UP_MS = 30_000;

export async function measureWhole(size: ClusterSize, workers: number): Promise<void> {
  const pods = await startPods();
  const podPort = (pods.address() as AddressInfo).port;
  const api = await FakeApiServer.start();
  api.put('ingressclasses', rawClass());
  for (let i = 0; i < size.ingresses; i++) {
    api.put('ingresses', rawIngress(i, size));
    api.put('services', rawService(i));
    api.put('endpointslices', rawSlice(i, size, podPort));
  }
  for (const secret of await rawSecrets(size)) api.put('secrets', secret);
  const startMs = performance.now();
  const controller = new Controller(api.writeKubeconfig(), workers);
  try {
    const { httpPort } = await controller.ready();
    printMilliseconds('ready after', performance.now() - startMs);
    printMemory('at ready', controller.pid);
    await setTimeout(3_000);
    printMemory('3 s later', controller.pid);
    const origin = `http://127.0.0.1:${httpPort}`;
    await measureChanges(origin, size, api, podPort);
    printMemory('after changes', controller.pid);
    printLatencies('requests, nothing changes', await steadyLoad(origin));
    const load = steadyLoad(origin);
    await storm(size, api);
    printLatencies(`requests, ${STORM_CHANGES} route changes`, await load);
    printMemory('after the storm', controller.pid);
  } finally {
    await controller.stop();
    await api.close();
    pods.close();
    pods.closeAllConnections();
  }
}

/** One server for every pod: it answers with the address it was reached at. */
async function startPods(): Promise<Server> {
  const pods = createServer((request, response) => response.end(request.socket.localAddress));
  pods.listen(0, '0.0.0.0');
  await once(pods, 'listening');
  return pods;
}

async function measureChanges(origin: string, size: ClusterSize, api: FakeApiServer, podPort: number): Promise<void> {
  const client = new Client(origin);
  const endpoints: number[] = [];
  const routes: number[] = [];
  const added: number[] = [];
  for (let round = 1; round <= CHANGES; round++) {
    const i = QUIET + 1 + ((round * 37) % (size.ingresses - QUIET - 1));
    const wanted = new Set(Array.from({ length: size.endpoints }, (_, n) => podAddress(round, n)));
    api.put('endpointslices', rawSlice(i, size, podPort, round));
    endpoints.push(await untilAnswered(client, hostOf(i), '/api', (_, text) => wanted.has(text)));
    await setTimeout(20);
    api.put('ingresses', rawIngress(i, size, `/round-${round}`));
    routes.push(await untilAnswered(client, hostOf(i), `/round-${round}`, (status) => status === 200));
    await setTimeout(150);
    const { metadata, ...rest } = rawIngress(i, size);
    const spec = { ...(rest['spec'] as object), rules: rulesFor(`new-${round}.example`, rest['spec']) };
    api.put('ingresses', { metadata: { ...metadata, name: `new-${round}` }, ...rest, spec });
    added.push(await untilAnswered(client, `new-${round}.example`, '/api', (status) => status === 200));
    await setTimeout(150);
  }
  await client.close();
  printLatencies('endpoint change to effect', { latenciesMs: endpoints, failed: 0 });
  printLatencies('route change to effect', { latenciesMs: routes, failed: 0 });
  printLatencies('new ingress to effect', { latenciesMs: added, failed: 0 });
}

function rulesFor(host: string, spec: unknown): readonly unknown[] {
  return (spec as { readonly rules: readonly object[] }).rules.map((rule) => ({ ...rule, host }));
}

/** @returns milliseconds until the first answer that is as wanted */
async function untilAnswered(
  client: Client,
  host: string,
  path: string,
  isWanted: (status: number, text: string) => boolean,
): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < GIVE_UP_MS) {
    const { statusCode, body } = await client.request({ method: 'GET', path, headers: { host } });
    if (isWanted(statusCode, await body.text())) return performance.now() - startMs;
    await setTimeout(1);
  }
  throw new Error(`the change of ${host}${path} had no effect in ${GIVE_UP_MS} ms`);
}

async function storm(size: ClusterSize, api: FakeApiServer): Promise<void> {
  for (let n = 0; n < STORM_CHANGES; n++) {
    const i = QUIET + 1 + ((n * 41) % (size.ingresses - QUIET - 1));
    api.put('ingresses', rawIngress(i, size, `/storm-${n}`));
    await setTimeout((LOAD_SECONDS * 1_000) / STORM_CHANGES - 1);
  }
}

async function steadyLoad(origin: string): Promise<SteadyResult> {
  const workerData: SteadyOptions = { origin, host: hostOf(QUIET), seconds: LOAD_SECONDS, rate: LOAD_RATE };
  const [result] = await once(new Worker(new URL('./steady-client.ts', import.meta.url), { workerData }), 'message');
  return result as SteadyResult;
}

function printMilliseconds(what: string, ms: number): void {
  console.log(`${what.padEnd(34)}${ms.toFixed(0).padStart(9)} ms`);
}

function printMemory(when: string, pid: number): void {
  console.log(`${`resident ${when}`.padEnd(34)}${(residentBytes(pid) / 1e6).toFixed(0).padStart(9)} MB`);
}

function printLatencies(what: string, { latenciesMs, failed }: SteadyResult): void {
  const figures = [50, 99, 100].map((percent) => percentile(latenciesMs, percent).toFixed(1).padStart(9)).join('');
  console.log(
    `${what.padEnd(34)}${figures} ms   p50, p99, max of ${latenciesMs.length}${failed === 0 ? '' : `, ${failed} failed`}`,
  );
}
