/** Runs a load generator in a process of its own and reads what it found out. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, LOAD_CORE, pin } from './pinned-process.ts';

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Connection errors, timeouts and answers other than 2xx. */
  readonly errors: number;
}

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

export type Generator = (load: Load) => Promise<LoadResult>;

const run = promisify(execFile);
const autocannon = createRequire(import.meta.url).resolve('autocannon');

interface AutocannonReport {
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number; readonly p99_9: number };
  readonly duration: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
}

export const GENERATORS: Readonly<Record<string, Generator>> = {
  autocannon: async ({ port, connections, seconds }) => {
    const options = ['--json', '--no-progress', '--connections', `${connections}`, '--duration', `${seconds}`];
    const output = await runPinned([process.execPath, autocannon, ...options, urlOf(port)]);
    const report = JSON.parse(output) as AutocannonReport;
    return {
      requests: report.requests.total,
      requestsPerSecond: report.requests.total / report.duration,
      p50Ms: report.latency.p50,
      p99Ms: report.latency.p99,
      p999Ms: report.latency.p99_9,
      // Its `errors` include the timeouts.
      errors: report.errors + report.non2xx,
    };
  },
  wrk: async ({ port, connections, seconds }) => {
    const program = findProgram('wrk');
    if (program === null) throw new Error('--generator wrk: wrk is not installed');
    const script = join(import.meta.dirname, 'wrk-report.lua');
    const options = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`];
    const output = await runPinned([program, ...options, '--script', script, urlOf(port)]);
    return JSON.parse(output.slice(output.lastIndexOf('{"'))) as LoadResult;
  },
};

async function runPinned(command: readonly string[]): Promise<string> {
  const [program = '', ...args] = pin(LOAD_CORE, command);
  const { stdout } = await run(program, args, { maxBuffer: 16 * 1_048_576 });
  return stdout;
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}/`;
}
