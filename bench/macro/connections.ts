/**
 * `npm run bench:connections`: what connections cost that do nothing, and what slow ones do to others. What is measured and
 * how to read it: `bench/README.md`.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { planConnections } from '../../src/cli/connection-plan.ts';
import { makeCertificate } from './certificate.ts';
import type { Route } from './configurations.ts';
import { IdleConnections, PROTOCOLS, type Protocol } from './idle-connections.ts';
import { readCount, readNames } from './options.ts';
import { findProgram, type PinnedProcess } from './pinned-process.ts';
import { residentBytes } from './process-tree.ts';
import { formatTable } from './report.ts';
import { makeScratchDirectory } from './scratch-directory.ts';
import { measureSlowHeads, type SlowHeadsResult } from './slow-heads.ts';
import { leaveOutMissing, startTargets, type Target } from './targets.ts';
import { startUpstream } from './upstreams.ts';

interface Options {
  readonly parts: readonly string[];
  readonly targets: readonly string[];
  readonly idle: number;
  readonly slow: number;
  readonly secondsPerByte: number;
  readonly seconds: number;
  readonly json: boolean;
}

interface MemoryResult {
  readonly target: string;
  readonly protocol: Protocol;
  readonly connections: number;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** Closed by the proxy before the end, although they should stay. */
  readonly lost: number;
}

/** Opened and closed before the first measurement: code is compiled and pools are filled by then. */
const WARM_UP_CONNECTIONS = 500;
/** Room for clients that behave, beside the idle or slow ones. */
const NORMAL_CONNECTIONS = 200;
const SETTLE_STEP_MS = 1_000;
const SETTLE_STEPS_AT_MOST = 15;
const SETTLED_SHARE = 0.002;

const TARGETS = ['sluice', 'nginx', 'haproxy', 'caddy', 'http-proxy'];
const COLLECT_GARBAGE = join(import.meta.dirname, 'servers/collect-garbage.ts');

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      parts: { type: 'string', default: 'idle,slow' },
      only: { type: 'string', default: 'sluice,nginx,haproxy' },
      idle: { type: 'string', default: '5000' },
      slow: { type: 'string', default: '10000' },
      'seconds-per-byte': { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
    },
  });
  const parts = readNames('--parts', values.parts, ['idle', 'slow']);
  return {
    parts,
    targets: readNames('--only', values.only, TARGETS),
    idle: readConnections('idle', values.idle, parts),
    slow: readConnections('slow', values.slow, parts),
    secondsPerByte: readCount('--seconds-per-byte', values['seconds-per-byte']),
    seconds: readCount('--seconds', values.seconds),
    json: values.json,
  };
}

/** Fewer when the limit of open files does not let Sluice take as many, with a line about it: the others are asked for the same. */
function readConnections(part: string, text: string, parts: readonly string[]): number {
  const flag = `--${part}`;
  const asked = readCount(flag, text);
  const limit = Number(
    /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity,
  );
  const { maxConnections, openFilesWanted } = planConnections(asked + NORMAL_CONNECTIONS, 1, limit);
  const allowed = maxConnections - NORMAL_CONNECTIONS;
  if (asked <= allowed || !parts.includes(part)) return asked;
  process.stderr.write(
    `${flag}: ${allowed} connections instead of ${asked}, for that takes "ulimit -n ${openFilesWanted}"\n`,
  );
  return allowed;
}

/** Starts one target with an upstream behind it, and stops both whatever comes of `use`. */
async function withTarget<T>(
  name: string,
  parent: string,
  options: Pick<Route, 'certificate' | 'preload'>,
  use: (target: Target) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(parent, `${name}-`));
  const processes: PinnedProcess[] = [];
  try {
    const upstream = await startUpstream(false, directory);
    processes.push(upstream.process);
    const route = { upstreamPort: upstream.port, directory, ...options };
    const [target] = await startTargets([name], route, (started) => processes.push(started));
    if (target === undefined) throw new Error(`${name} was not started`);
    return await use(target);
  } finally {
    await Promise.all(processes.map((each) => each.stop()));
  }
}

async function measureMemory(
  { name, port, process: proxy }: Target,
  protocol: Protocol,
  count: number,
): Promise<MemoryResult> {
  const pid = proxy?.pid ?? 0;
  const connections = new IdleConnections(port, protocol);
  try {
    await connections.open(Math.min(WARM_UP_CONNECTIONS, count));
    connections.close();
    const beforeBytes = await settledBytes(pid);
    await connections.open(count);
    const afterBytes = await settledBytes(pid);
    return { target: name, protocol, connections: count, beforeBytes, afterBytes, lost: connections.lost };
  } finally {
    connections.close();
  }
}

/** Waits until the memory has been the same for a while, within reason. */
async function settledBytes(pid: number): Promise<number> {
  let before = Number.NaN;
  let calm = 0;
  for (let step = 0; step < SETTLE_STEPS_AT_MOST && calm < 3; step++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MS));
    const now = residentBytes(pid);
    calm = Math.abs(now - before) <= now * SETTLED_SHARE ? calm + 1 : 0;
    before = now;
  }
  return before;
}

function formatMemory(results: readonly MemoryResult[]): string {
  const lines = [['target', 'protocol', 'connections', 'MB before', 'MB after', 'KB/connection', 'lost']];
  for (const { target, protocol, connections, beforeBytes, afterBytes, lost } of results) {
    const each = (afterBytes - beforeBytes) / connections / 1e3;
    const megabytes = [beforeBytes, afterBytes].map((bytes) => (bytes / 1e6).toFixed(1));
    lines.push([target, protocol, String(connections), ...megabytes, each.toFixed(1), String(lost)]);
  }
  return formatTable(lines, 2);
}

function formatSlowHeads(results: readonly (SlowHeadsResult & { readonly target: string })[]): string {
  const beside = ['requests/s', 'p50 ms', 'p99 ms', 'errors'];
  const lines = [['target', 'when', 'slow at first', 'slow at last', ...beside]];
  for (const { target, before, during, openAtFirst, openAtLast } of results) {
    for (const [when, load] of Object.entries({ before, during })) {
      const slow = when === 'before' ? ['0', '0'] : [String(openAtFirst), String(openAtLast)];
      const times = [load.p50Ms.toFixed(2), load.p99Ms.toFixed(2)];
      lines.push([target, when, ...slow, load.requestsPerSecond.toFixed(0), ...times, String(load.errors)]);
    }
  }
  return formatTable(lines, 2);
}

async function main(): Promise<number> {
  const options = readOptions();
  const targets = leaveOutMissing(options.targets);
  const directory = makeScratchDirectory();
  const certificate = await makeCertificate(directory);
  const memory: MemoryResult[] = [];
  for (const protocol of options.parts.includes('idle') ? PROTOCOLS : []) {
    for (const name of targets) {
      if (protocol === 'h2-tls' && name === 'http-proxy') continue;
      const route = { certificate: protocol === 'h1' ? null : certificate, preload: COLLECT_GARBAGE };
      memory.push(await withTarget(name, directory, route, (it) => measureMemory(it, protocol, options.idle)));
    }
  }
  const slowHeads: (SlowHeadsResult & { readonly target: string })[] = [];
  for (const name of slowTargets(options, targets)) {
    const { slow: connections, secondsPerByte, seconds } = options;
    // Garbage collected by force would be felt by the normal requests.
    const result = await withTarget(name, directory, { certificate: null, preload: null }, ({ port }) =>
      measureSlowHeads({ port, connections, secondsPerByte, seconds }),
    );
    slowHeads.push({ target: name, ...result });
  }
  if (options.json) console.log(JSON.stringify({ ...options, node: process.version, memory, slowHeads }, null, 2));
  else {
    if (memory.length > 0) console.log(`Memory of idle keep-alive connections\n\n${formatMemory(memory)}\n`);
    if (slowHeads.length > 0) console.log(`${describeSlow(options)}\n\n${formatSlowHeads(slowHeads)}`);
  }
  const lost = memory.reduce((sum, result) => sum + result.lost, 0);
  if (lost > 0) console.error(`${lost} idle connections were closed by a proxy: the figures mean nothing`);
  return lost === 0 ? 0 : 1;
}

function slowTargets({ parts }: Options, targets: readonly string[]): readonly string[] {
  if (!parts.includes('slow')) return [];
  if (findProgram('wrk') !== null) return targets;
  process.stderr.write('slow: wrk is not installed, left out\n');
  return [];
}

function describeSlow({ slow, secondsPerByte, seconds }: Options): string {
  const heads = `${slow} connections with a byte of a head every ${secondsPerByte} s`;
  return `Normal requests, each on a connection of its own, beside ${heads}; ${seconds} s each`;
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }),
);
