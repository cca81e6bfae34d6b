/** What requests of others feel of many connections whose request heads never end: before, and while there are some. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type LoadResult, wrk } from './load.ts';
import { LOAD_CORE, pin } from './pinned-process.ts';

export interface SlowHeadsPlan {
  readonly port: number;
  readonly connections: number;
  readonly secondsPerByte: number;
  /** Of normal requests, before and during. */
  readonly seconds: number;
}

export interface SlowHeadsResult {
  readonly before: LoadResult;
  readonly during: LoadResult;
  /** Slow connections when the normal requests began, and when they ended. */
  readonly openAtFirst: number;
  readonly openAtLast: number;
}

const PROGRAM = join(import.meta.dirname, 'servers/slow-heads.ts');

export async function measureSlowHeads(plan: SlowHeadsPlan): Promise<SlowHeadsResult> {
  const { port, connections, secondsPerByte, seconds } = plan;
  // A connection for each request: whoever is kept out by the slow ones is kept out there.
  const normal = { url: `http://127.0.0.1:${port}/`, connections: 2, seconds, close: true, bodyBytes: 0 };
  await wrk(normal);
  const before = await wrk(normal);
  const args = [process.execPath, PROGRAM, `${port}`, `${connections}`, `${secondsPerByte}`];
  const [program = '', ...rest] = pin(LOAD_CORE, args);
  const slow = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const openAtFirst = await nextCount(slow);
    const during = await wrk(normal);
    slow.send('report');
    return { before, during, openAtFirst, openAtLast: await nextCount(slow) };
  } finally {
    slow.kill();
  }
}

async function nextCount(child: ChildProcess): Promise<number> {
  const [count] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(failed)])) as [number];
  return count;
}

function failed(): never {
  throw new Error('the program that sends slow heads has ended');
}
