/**
 * What it costs to check thousands of endpoints: CPU of the control plane, and what traffic feels of it. Usage: see
 * `bench/README.md`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median } from './arithmetic.ts';
import { makeCertificate } from './certificate.ts';
import { h2load, type LoadResult } from './load.ts';
import { readCount, readNames } from './options.ts';
import { freePort, LOAD_CORE, PinnedProcess, PROXY_CORE } from './pinned-process.ts';
import { mainThreadSeconds, residentBytes } from './process-tree.ts';
import { makeScratchDirectory } from './scratch-directory.ts';
import { sluiceProgram } from './targets.ts';

const KINDS = ['http', 'https', 'grpc'];

interface Plan {
  readonly kind: string;
  /** What is measured, by name; the last one is this tree. */
  readonly programs: ReadonlyMap<string, string>;
  readonly endpoints: number;
  readonly intervalSeconds: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Requests a second meanwhile. */
  readonly rate: number;
}

interface Round {
  readonly checksPerSecond: number;
  /** Of the control plane, in percent of one core: without traffic, so that nothing else is in it. */
  readonly cpuPercent: number;
  /** Resident, of the process. */
  readonly memoryMegabytes: number;
  readonly load: LoadResult;
}

const SERVERS = join(import.meta.dirname, 'servers');
/** By then the first checks of all are over, and code that runs often is compiled. */
const SETTLE_MS = 8_000;
const WITHOUT = 'without checks';

const running = new Set<PinnedProcess>();

async function main(): Promise<void> {
  const plan = readPlan();
  const directory = makeScratchDirectory();
  const certificate = await makeCertificate(directory);
  const [endpointPort, upstreamPort] = [await freePort(), await freePort()];
  try {
    await start(
      'endpoints',
      LOAD_CORE,
      [
        process.execPath,
        join(SERVERS, 'endpoints.ts'),
        `${endpointPort}`,
        plan.kind,
        certificate.certFile,
        certificate.keyFile,
      ],
      endpointPort,
    );
    await start(
      'upstream',
      LOAD_CORE,
      [process.execPath, join(SERVERS, 'upstream.ts'), `${upstreamPort}`],
      upstreamPort,
    );
    const measured = new Map<string, Round[]>();
    const note = (name: string, round: Round): void => void measured.set(name, [...(measured.get(name) ?? []), round]);
    const configure = (checked: boolean): unknown => toConfiguration(plan, checked, endpointPort, upstreamPort);
    for (let round = 0; round < plan.rounds; round++) {
      note(WITHOUT, await measure(plan, sluiceProgram(), directory, configure(false)));
      for (const [name, program] of plan.programs) note(name, await measure(plan, program, directory, configure(true)));
      process.stderr.write(`round ${round + 1} of ${plan.rounds}\n`);
    }
    report(plan, measured);
  } finally {
    for (const each of running) await each.stop();
  }
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      kind: { type: 'string', default: 'http' },
      before: { type: 'string' },
      endpoints: { type: 'string', default: '5000' },
      interval: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      rate: { type: 'string', default: '1000' },
    },
  });
  const [kind = ''] = readNames('--kind', values.kind, KINDS);
  const before: [string, string][] = values.before === undefined ? [] : [['before', values.before]];
  return {
    kind,
    programs: new Map([...before, ['with checks', sluiceProgram()]]),
    endpoints: readCount('--endpoints', values.endpoints),
    intervalSeconds: readCount('--interval', values.interval),
    seconds: readCount('--seconds', values.seconds),
    rounds: readCount('--rounds', values.rounds),
    rate: readCount('--rate', values.rate),
  };
}

/** Addresses of the loopback network: one socket that is bound to none of them answers on all. */
function toConfiguration(plan: Plan, checked: boolean, endpointPort: number, upstreamPort: number): unknown {
  const addresses = Array.from({ length: plan.endpoints }, (_, index) => {
    return { address: `127.1.${index >> 8}.${index & 255}:${endpointPort}` };
  });
  // On a busy machine an endpoint may take long, and a check that gives up costs something else.
  const times = { interval: `${plan.intervalSeconds}s`, timeout: `${plan.intervalSeconds}s` };
  const healthCheck = { kind: plan.kind, ...(plan.kind === 'grpc' ? {} : { path: '/healthz' }), ...times };
  return {
    upstreams: {
      app: { endpoints: [{ address: `127.0.0.1:${upstreamPort}` }] },
      many: { endpoints: addresses, ...(checked ? { healthCheck } : {}) },
    },
    routes: [{ upstream: 'app' }, { host: 'many.example', upstream: 'many' }],
  };
}

async function measure(plan: Plan, program: string, directory: string, configuration: unknown): Promise<Round> {
  const file = join(directory, 'sluice.yaml');
  writeFileSync(file, JSON.stringify(configuration));
  const [port, adminPort] = [await freePort(), await freePort()];
  const ports = ['--http-port', `${port}`, '--https-port', '0', '--admin-port', `${adminPort}`];
  const flags = ['--workers', '1', '--access-log', 'off', ...ports];
  const command = [process.execPath, program, 'serve', '--config', file, ...flags];
  const sluice = await start('sluice', PROXY_CORE, command, port);
  try {
    await setTimeout(SETTLE_MS);
    const checksBefore = await readChecks(adminPort);
    // A scrape of thousands of endpoints takes a while, during which checks go on.
    const readMs = performance.now();
    const [cpuBefore, beganMs] = [mainThreadSeconds(sluice.pid), performance.now()];
    await setTimeout(plan.seconds * 1_000);
    const cpuPercent = ((mainThreadSeconds(sluice.pid) - cpuBefore) / (performance.now() - beganMs)) * 100_000;
    const checks = (await readChecks(adminPort)) - checksBefore;
    const checksPerSecond = (checks / (performance.now() - readMs)) * 1_000;
    const memoryMegabytes = residentBytes(sluice.pid) / 1e6;
    const { rate, seconds } = plan;
    const traffic = { url: `http://127.0.0.1:${port}/`, connections: 10, http1: true, streams: 1, rate, directory };
    await h2load({ ...traffic, seconds: 2 });
    return { checksPerSecond, cpuPercent, memoryMegabytes, load: await h2load({ ...traffic, seconds }) };
  } finally {
    running.delete(sluice);
    await sluice.stop();
  }
}

async function start(name: string, core: number, command: readonly string[], port: number): Promise<PinnedProcess> {
  const started = new PinnedProcess(name, core, command);
  running.add(started);
  await started.listening(port);
  return started;
}

/** Any that failed would be cheaper than one that is answered, and mean nothing. */
async function readChecks(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const read = (result: string): number =>
    Number(new RegExp(`^sluice_health_checks_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const failed = read('failure') + read('timeout');
  if (failed > 0) process.stderr.write(`${failed} checks failed so far\n`);
  return read('success');
}

function report(plan: Plan, measured: ReadonlyMap<string, readonly Round[]>): void {
  const { kind, endpoints, intervalSeconds, rate, rounds } = plan;
  const figure = (name: string, of: (round: Round) => number): number => median((measured.get(name) ?? []).map(of));
  const idlePercent = figure(WITHOUT, ({ cpuPercent }) => cpuPercent);
  console.log(
    `${endpoints} ${kind} endpoints every ${intervalSeconds} s, ${rate} requests a second; medians of ${rounds} rounds`,
  );
  for (const [name, each] of measured) {
    const percent = figure(name, ({ cpuPercent }) => cpuPercent);
    const megabytes = figure(name, ({ memoryMegabytes }) => memoryMegabytes);
    const checks = figure(name, ({ checksPerSecond }) => checksPerSecond);
    const [p50, p99, p999] = (['p50Ms', 'p99Ms', 'p999Ms'] as const).map((key) =>
      figure(name, ({ load }) => load[key]).toFixed(2),
    );
    const errors = each.reduce((sum, { load }) => sum + load.errors, 0);
    const cost =
      checks > 0
        ? `, ${checks.toFixed(0)} checks a second of ${(((percent - idlePercent) / checks) * 10_000).toFixed(0)} µs`
        : '';
    console.log(`${name}: control plane ${percent.toFixed(1)} % of a core${cost}, ${megabytes.toFixed(0)} MB`);
    console.log(`  p50 ${p50} ms, p99 ${p99} ms, p99.9 ${p999} ms, ${errors} errors`);
  }
}

await main();
