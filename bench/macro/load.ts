/** Runs a load generator in a process of its own, pinned to its core, and reads what it found out. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { percentile } from './arithmetic.ts';
import { type H2loadTotals, parseH2load, parseH2loadLog } from './h2load-output.ts';
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
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface WrkLoad extends Load {
  /** A connection for each request. */
  readonly close: boolean;
  /** Of each request; 0 = GET. */
  readonly bodyBytes: number;
}

export interface H2load extends Load {
  readonly http1: boolean;
  /** Streams at once on a connection. */
  readonly streams: number;
  /** Requests a second over all connections; null = as many as can be. */
  readonly rate: number | null;
  /** For the log of the run. */
  readonly directory: string;
  /** What is posted; absent = GET. */
  readonly bodyFile?: string;
}

/** h2load looks at its connections every 10 ms, so that is how often one of them can be due. */
const H2LOAD_TICKS_PER_SECOND = 100;
/** Within this time all connections of a run with a rate are opened. */
const OPENING_MS = 100;

const run = promisify(execFile);
const autocannonProgram = createRequire(import.meta.url).resolve('autocannon');

interface AutocannonReport {
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number; readonly p99_9: number };
  readonly duration: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
}

export async function autocannon({ url, connections, seconds }: Load): Promise<LoadResult> {
  const options = ['--json', '--no-progress', '--connections', `${connections}`, '--duration', `${seconds}`];
  const report = JSON.parse(
    await runPinned([process.execPath, autocannonProgram, ...options, url]),
  ) as AutocannonReport;
  return {
    requests: report.requests.total,
    requestsPerSecond: report.requests.total / report.duration,
    p50Ms: report.latency.p50,
    p99Ms: report.latency.p99,
    p999Ms: report.latency.p99_9,
    // Its `errors` include the timeouts.
    errors: report.errors + report.non2xx,
  };
}

export async function wrk({ url, connections, seconds, close, bodyBytes }: WrkLoad): Promise<LoadResult> {
  const options = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`];
  if (close) options.push('--header', 'Connection: close');
  const upload = bodyBytes === 0 ? [] : ['--', 'upload', String(bodyBytes)];
  const script = join(import.meta.dirname, 'wrk.lua');
  const output = await runPinned([requireProgram('wrk'), ...options, '--script', script, url, ...upload]);
  return JSON.parse(output.slice(output.lastIndexOf('{"'))) as LoadResult;
}

export function h2load(load: H2load): Promise<LoadResult> {
  return h2loadTogether([load]);
}

/** Several at the same time, as one: the latencies are those of all their requests. */
export async function h2loadTogether(loads: readonly H2load[]): Promise<LoadResult> {
  const results = await Promise.all(loads.map((load, at) => runH2load(load, join(load.directory, `h2load-${at}.log`))));
  const sum = (of: (totals: H2loadTotals) => number): number => results.reduce((all, [totals]) => all + of(totals), 0);
  const latencies = results.flatMap(([, each]) => each);
  return {
    requests: sum(({ succeeded }) => succeeded),
    requestsPerSecond: sum(({ requestsPerSecond }) => requestsPerSecond),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    p999Ms: percentile(latencies, 99.9),
    errors: sum(({ errors }) => errors),
  };
}

async function runH2load(load: H2load, log: string): Promise<readonly [H2loadTotals, readonly number[]]> {
  // It appends to what is there.
  rmSync(log, { force: true });
  const options = ['--max-concurrent-streams', `${load.streams}`, '--log-file', log, ...paceOptions(load)];
  if (load.http1) options.push('--h1');
  if (load.bodyFile !== undefined) options.push('--data', load.bodyFile);
  const totals = parseH2load(await runPinned([requireProgram('h2load'), ...options, load.url]));
  const expected = load.http1 ? 'http/1.1' : 'h2';
  if (totals.protocol !== expected) throw new Error(`${load.url} speaks ${totals.protocol} instead of ${expected}`);
  return [totals, parseH2loadLog(readFileSync(log, 'latin1'))];
}

/**
 * With a rate, connections are opened a few at a time, a millisecond apart: a connection keeps the phase it begins with, and
 * all in one phase would mean one burst of requests every tick.
 */
function paceOptions({ connections, seconds, rate }: H2load): readonly string[] {
  if (rate === null) return ['--clients', `${connections}`, '--duration', `${seconds}`];
  const clients = Math.max(1, Math.ceil(rate / H2LOAD_TICKS_PER_SECOND));
  const perClient = rate / clients;
  const perMillisecond = Math.ceil(clients / OPENING_MS);
  const pace = ['--rate', `${perMillisecond}`, '--rate-period', '1ms', '--rps', perClient.toFixed(2)];
  return ['--clients', `${clients}`, '--requests', `${Math.round(rate * seconds)}`, ...pace];
}

function requireProgram(name: string): string {
  const program = findProgram(name);
  if (program === null) throw new Error(`${name} is not installed`);
  return program;
}

async function runPinned(command: readonly string[]): Promise<string> {
  const [program = '', ...args] = pin(LOAD_CORE, command);
  const { stdout } = await run(program, args, { maxBuffer: 16 * 1_048_576 });
  return stdout;
}
