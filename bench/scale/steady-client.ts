/** A thread that sends requests at a fixed rate, and tells how long each took from when it was due. */
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Pool } from 'undici';

export interface SteadyOptions {
  readonly origin: string;
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

async function run({ origin, host, seconds, rate }: SteadyOptions): Promise<SteadyResult> {
  const pool = new Pool(origin, { connections: CONNECTIONS });
  const latenciesMs: number[] = [];
  let failed = 0;
  const send = async (dueMs: number): Promise<void> => {
    try {
      const { statusCode, body } = await pool.request({ method: 'GET', path: '/api', headers: { host } });
      await body.dump();
      if (statusCode !== 200) failed++;
      latenciesMs.push(performance.now() - dueMs);
    } catch {
      failed++;
    }
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
  await pool.close();
  return { latenciesMs, failed };
}

parentPort?.postMessage(await run(workerData as SteadyOptions));
