/**
 * `npm run bench`: compares whole proxies under the same load, interleaved round by round in one run. What it measures and
 * how to read it: `bench/README.md`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GENERATORS, type Generator } from './load.ts';
import { freePort, LOAD_CORE, PinnedProcess } from './pinned-process.ts';
import { cpuSeconds } from './process-cpu.ts';
import { formatTable, type Round, summarise } from './report.ts';
import { startTargets, TARGET_NAMES, type Target, UPSTREAM } from './targets.ts';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly targets: readonly string[];
  readonly generator: string;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '64' },
      only: { type: 'string', default: TARGET_NAMES.join(',') },
      generator: { type: 'string', default: 'autocannon' },
      json: { type: 'boolean', default: false },
    },
  });
  const targets = values.only.split(',');
  for (const target of targets) expectOneOf('--only', target, TARGET_NAMES);
  expectOneOf('--generator', values.generator, Object.keys(GENERATORS));
  return {
    seconds: readCount('--seconds', values.seconds),
    rounds: readCount('--rounds', values.rounds),
    connections: readCount('--connections', values.connections),
    targets,
    generator: values.generator,
    json: values.json,
  };
}

function readCount(flag: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`${flag}: expected an integer of at least 1, got "${text}"`);
}

function expectOneOf(flag: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new Error(`${flag}: expected one of ${allowed.join(', ')}, got "${value}"`);
}

async function measure(target: Target, generate: Generator, options: Options): Promise<Round> {
  const pid = target.process?.pid ?? null;
  const before = pid === null ? 0 : cpuSeconds(pid);
  const result = await generate({ port: target.port, connections: options.connections, seconds: options.seconds });
  const spent = pid === null ? null : cpuSeconds(pid) - before;
  return { target: target.name, cpuSeconds: spent, ...result };
}

/** Interleaved, because a shared machine is not the same machine a minute later. The first round only warms up. */
async function measureAll(targets: readonly Target[], options: Options): Promise<readonly Round[]> {
  const generate = GENERATORS[options.generator];
  if (generate === undefined) throw new Error(`no generator ${options.generator}`);
  const rounds: Round[] = [];
  for (let round = 0; round <= options.rounds; round++) {
    for (const target of targets) {
      const result = await measure(target, generate, round === 0 ? { ...options, seconds: 1 } : options);
      if (round > 0) rounds.push(result);
    }
  }
  return rounds;
}

async function main(): Promise<number> {
  const options = readOptions();
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const processes: PinnedProcess[] = [];
  try {
    const upstreamPort = await freePort();
    const upstream = new PinnedProcess('upstream', LOAD_CORE, [process.execPath, UPSTREAM, String(upstreamPort)]);
    processes.push(upstream);
    await upstream.listening(upstreamPort);
    const targets = await startTargets(options.targets, upstreamPort, directory, (started) => processes.push(started));
    const rounds = await measureAll(targets, options);
    const rows = summarise(
      targets.map(({ name }) => name),
      rounds,
    );
    if (options.json) console.log(JSON.stringify({ ...options, node: process.version, rows, rounds }, null, 2));
    else console.log(`${describe(options)}\n\n${formatTable(rows)}`);
    const errors = rows.reduce((sum, row) => sum + row.errors, 0);
    if (errors > 0) console.error(`${errors} requests failed: the figures mean nothing`);
    return errors === 0 ? 0 : 1;
  } finally {
    await Promise.all(processes.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

function describe({ rounds, seconds, connections, generator }: Options): string {
  const machine = `node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`;
  return `${machine}; GET, ${connections} connections, ${generator}; median of ${rounds} rounds of ${seconds} s`;
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }),
);
