/** A thread that sends requests at a fixed rate, and tells how long each took from when it was due. */
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { ProbeConnection } from './probe-connection.ts';

export interface SteadyOptions {
  readonly port: number;
  readonly host: string;
  readonly seconds: number;
  /** Requests a second. */
  readonly rate: number;
}

export interface SteadyResult {
  readonly latenciesMs: readonly number[];
  readonly failed: number;
}

const CONNECTIONS = 16;
/** Requests that open connections, and have code compiled, before those that count. */
const WARM_UP = 200;

async function run({ port, host, seconds, rate }: SteadyOptions): Promise<SteadyResult> {
  const connections = Array.from({ length: CONNECTIONS }, () => new ProbeConnection(port));
  const free = [...connections];
  const waiting: (() => void)[] = [];
  const latenciesMs: number[] = [];
  let failed = 0;
  const send = async (dueMs: number): Promise<void> => {
    while (free.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const connection = free.shift();
    if (connection === undefined) throw new Error('a connection was given away twice');
    const { status } = await connection.ask(host, '/api');
    if (status !== 200) failed++;
    latenciesMs.push(performance.now() - dueMs);
    free.push(connection);
    waiting.shift()?.();
  };
  for (let n = 0; n < WARM_UP; n += CONNECTIONS) {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => send(performance.now())));
  }
  latenciesMs.length = 0;
  parentPort?.postMessage('started');
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  for (let n = 0; n < seconds * rate; n++) {
    const dueMs = startMs + (n * 1_000) / rate;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await setTimeout(waitMs);
    pending.push(send(dueMs));
  }
  await Promise.all(pending);
  for (const connection of connections) connection.close();
  return { latenciesMs, failed };
}

parentPort?.postMessage(await run(workerData as SteadyOptions));
