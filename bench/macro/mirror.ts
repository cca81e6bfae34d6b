/**
 * What production feels of a mirror target that fails in one way or another, and what mirroring costs when all is well. Usage: see
 * `bench/README.md`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type H2load, h2loadTogether, type LoadResult } from './load.ts';
import { type CopyCounts, formatMirrors, type MirrorRound, spreadOf, summariseMirrors } from './mirror-report.ts';
import { readCount, readNames } from './options.ts';
import { freePort, LOAD_CORE, PinnedProcess, PROXY_CORE } from './pinned-process.ts';
import { cpuSeconds } from './process-tree.ts';
import { makeScratchDirectory } from './scratch-directory.ts';
import { sluiceProgram } from './targets.ts';

/** What takes its turn in each round. */
interface Subject {
  readonly name: string;
  readonly kind: string;
  readonly program: string;
}

interface Plan {
  /** The unmirrored route first. */
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  readonly seconds: number;
  /** Requests a second; null = a part of what the unmirrored route can do. */
  readonly rate: number | null;
  readonly directory: string;
  readonly bodyFile: string;
}

interface Case extends Subject {
  readonly port: number;
  readonly adminPort: number;
  readonly process: PinnedProcess;
  readonly directory: string;
}

interface Ports {
  readonly upstream: number;
  readonly healthy: number;
  readonly dead: number;
  /** Of the bad targets, by kind. */
  readonly bad: ReadonlyMap<string, number>;
}

const SERVERS = join(import.meta.dirname, 'servers');
const UNMIRRORED = 'unmirrored';
/** A route without mirror, in a worker that mirrors another one. */
const BESIDE = 'beside';
const HEALTHY = 'healthy';
const DEAD = 'dead';
const BAD_KINDS = ['hung', 'reset', 'crawl', 'flood'];
const NAMES = [UNMIRRORED, BESIDE, HEALTHY, 'hung', DEAD, 'reset', 'crawl', 'flood'];

/** Not so small that it travels with the head, and is never copied piece by piece. */
const BODY_BYTES = 8_192;
/** Of what the unmirrored route can do on this machine at this time. */
const RATE_SHARE = 0.45;
const CONNECTIONS = 32;
/** Of all cases together. */
const WARM_UP_SECONDS = 4;
const RATE_SECONDS = 2;
/** A copy is given up after five seconds. */
const COPIES_END_MS = 8_000;
const KEPT_UP_SHARE = 0.85;

const running = new Set<PinnedProcess>();

async function main(): Promise<number> {
  const plan = readPlan();
  const ports = await startServers();
  const cases = await Promise.all(plan.subjects.map((subject) => startCase(plan, subject, ports)));
  // All at once: that nothing waits for anything is all that matters here.
  await Promise.all(cases.map((each) => warmUp(plan, each)));
  const rate = plan.rate ?? (await findRate(plan, cases[0] as Case));
  const load = loadavg().map((value) => value.toFixed(2));
  const processor = cpus()[0]?.model ?? 'unknown processor';
  const program = sluiceProgram().includes('/dist/') ? 'dist' : 'src';
  console.log(`node ${process.version}, ${processor}, load average ${load.join(' ')}; Sluice from ${program}/`);
  console.log(
    `${rate} requests a second, half GET, half POST of ${BODY_BYTES} bytes; ${plan.rounds} rounds of ${plan.seconds} s`,
  );
  const rounds = await measureRounds(plan, cases, rate);
  const copies = new Map<string, CopyCounts>();
  for (const each of cases) copies.set(each.name, await readCopies(each));
  return report(plan, rate, rounds, copies);
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      before: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '6' },
      rate: { type: 'string' },
    },
  });
  const directory = makeScratchDirectory();
  const bodyFile = join(directory, 'body');
  writeFileSync(bodyFile, Buffer.alloc(BODY_BYTES, 'b'));
  const wanted = readNames('--only', values.only, NAMES);
  const kinds = NAMES.filter((kind) => kind === UNMIRRORED || wanted.includes(kind));
  return {
    subjects: kinds.flatMap((kind) => toSubjects(kind, values.before)),
    rounds: readCount('--rounds', values.rounds),
    seconds: readCount('--seconds', values.seconds),
    rate: values.rate === undefined ? null : readCount('--rate', values.rate),
    directory,
    bodyFile,
  };
}

function toSubjects(kind: string, before: string | undefined): readonly Subject[] {
  const now = { name: kind, kind, program: sluiceProgram() };
  return before === undefined || kind === UNMIRRORED ? [now] : [{ name: `${kind} before`, kind, program: before }, now];
}

async function startServers(): Promise<Ports> {
  const bad = new Map<string, number>();
  for (const kind of BAD_KINDS) bad.set(kind, await freePort());
  const ports = { upstream: await freePort(), healthy: await freePort(), dead: await freePort(), bad };
  for (const port of [ports.upstream, ports.healthy]) {
    await start('upstream', LOAD_CORE, [process.execPath, join(SERVERS, 'upstream.ts'), `${port}`], port);
  }
  const args = [...bad].flatMap(([kind, port]) => [kind, `${port}`]);
  await start(
    'bad targets',
    LOAD_CORE,
    [process.execPath, join(SERVERS, 'bad-targets.ts'), ...args],
    Math.max(...bad.values()),
  );
  return ports;
}

/** A process for each case: what is left of one is not in the figures of the next, and code is compiled for its own case. */
async function startCase(plan: Plan, subject: Subject, ports: Ports): Promise<Case> {
  const { name, kind, program } = subject;
  const directory = join(plan.directory, name);
  mkdirSync(directory);
  const file = join(directory, 'sluice.yaml');
  writeFileSync(file, JSON.stringify(toConfiguration(plan, kind, ports)));
  const [port, adminPort] = [await freePort(), await freePort()];
  const flags = ['--http-port', `${port}`, '--https-port', '0', '--admin-port', `${adminPort}`];
  const command = [process.execPath, program, 'serve', '--config', file, '--workers', '1', '--access-log', 'off'];
  const started = await start(name, PROXY_CORE, [...command, ...flags], port);
  return { ...subject, port, adminPort, process: started, directory };
}

/** A route for each round, with a target that nothing is known of yet; the first one is for the warm-up. */
function toConfiguration({ rounds }: Plan, kind: string, ports: Ports): unknown {
  const routes = Array.from({ length: rounds + 1 }, (_, round) => {
    const origin = kind === UNMIRRORED || kind === BESIDE ? null : targetOf(kind, round, ports);
    return toRoute(`/${round}`, origin);
  });
  if (kind === BESIDE) routes.push(toRoute('/mirrored', targetOf(HEALTHY, 0, ports)));
  return { upstreams: { app: { endpoints: [{ address: `127.0.0.1:${ports.upstream}` }] } }, routes };
}

function toRoute(prefix: string, origin: string | null): unknown {
  const mirror = origin === null ? {} : { mirror: { url: `http://${origin}$request_uri` } };
  return { path: { prefix }, upstream: 'app', ...mirror };
}

/** Addresses of the loopback network: one socket that is bound to none of them answers on all. */
function targetOf(kind: string, round: number, ports: Ports): string {
  if (kind === HEALTHY) return `127.0.0.1:${ports.healthy}`;
  return `127.1.${round >> 8}.${round & 255}:${kind === DEAD ? ports.dead : ports.bad.get(kind)}`;
}

async function start(name: string, core: number, command: readonly string[], port: number): Promise<PinnedProcess> {
  const started = new PinnedProcess(name, core, command);
  running.add(started);
  await started.listening(port);
  return started;
}

/** @param rate of both methods together; null = as many as can be */
function generate(plan: Plan, target: Case, path: string, rate: number | null, seconds: number): Promise<LoadResult> {
  const { port, directory } = target;
  const get: H2load = {
    url: `http://127.0.0.1:${port}${path}`,
    connections: CONNECTIONS,
    http1: true,
    streams: 1,
    rate: rate === null ? null : rate / 2,
    directory,
    seconds,
  };
  return h2loadTogether([get, { ...get, bodyFile: plan.bodyFile }]);
}

async function warmUp(plan: Plan, each: Case): Promise<void> {
  const paths = each.kind === BESIDE ? ['/mirrored', '/0'] : ['/0'];
  for (const path of paths) await generate(plan, each, path, null, WARM_UP_SECONDS / paths.length);
}

async function findRate(plan: Plan, unmirrored: Case): Promise<number> {
  const { requestsPerSecond } = await generate(plan, unmirrored, '/0', null, RATE_SECONDS);
  return Math.round(requestsPerSecond * RATE_SHARE);
}

async function measureRounds(plan: Plan, cases: readonly Case[], rate: number): Promise<readonly MirrorRound[]> {
  const rounds: MirrorRound[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    // There and back again: a place in the order has neighbours of its own.
    for (const each of round % 2 === 1 ? cases : cases.toReversed()) {
      const [cpuBefore, beganMs] = [cpuSeconds(each.process.pid), performance.now()];
      const load = await generate(plan, each, `/${round}`, rate, plan.seconds);
      const seconds = (performance.now() - beganMs) / 1_000;
      rounds.push({ name: each.name, cpuSeconds: cpuSeconds(each.process.pid) - cpuBefore, seconds, load });
    }
    process.stderr.write(`round ${round} of ${plan.rounds}\n`);
  }
  return rounds;
}

/** Of all rounds, by result and reason, when the last copy has ended. */
async function readCopies({ name, adminPort }: Case): Promise<CopyCounts> {
  const deadlineMs = performance.now() + COPIES_END_MS;
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    const inFlight = Number(/^sluice_mirror_in_flight (\d+)$/m.exec(text)?.[1] ?? 0);
    if (inFlight === 0) return countCopies(text);
    if (performance.now() > deadlineMs) throw new Error(`${name}: ${inFlight} copies do not end`);
    await setTimeout(100);
  }
}

function countCopies(metrics: string): CopyCounts {
  const counts = new Map<string, number>();
  for (const [, labels = '', value] of metrics.matchAll(/^sluice_mirror_(?:requests|dropped)_total\{(.*)\} (\d+)$/gm)) {
    const what = /(?:result|reason)="(\w+)"/.exec(labels)?.[1] ?? '';
    const path = /path="\/(\d+)"/.exec(labels)?.[1] ?? '0';
    if (path !== '0') counts.set(what, (counts.get(what) ?? 0) + Number(value));
  }
  return counts;
}

function report(
  { subjects }: Plan,
  rate: number,
  rounds: readonly MirrorRound[],
  copies: ReadonlyMap<string, CopyCounts>,
): number {
  const rows = summariseMirrors(rounds, UNMIRRORED);
  const spread = spreadOf(rounds, [UNMIRRORED, BESIDE]);
  console.log(`\n${formatMirrors(rows, spread, copies)}\n`);
  console.log(
    `p99 of unmirrored routes: ${spread.leastMs.toFixed(2)} to ${spread.mostMs.toFixed(2)} ms over the rounds`,
  );
  console.log(
    `load average at the end: ${loadavg()
      .map((value) => value.toFixed(2))
      .join(' ')}`,
  );
  const problems: string[] = [];
  for (const { name, errors, requestsPerSecond } of rows) {
    if (errors > 0) problems.push(`${name}: ${errors} requests failed`);
    if (requestsPerSecond < rate * KEPT_UP_SHARE) {
      console.error(`${name} did not keep up with the rate: its times are those of an overload`);
    }
  }
  for (const { name } of subjects.filter(({ kind }) => kind !== UNMIRRORED && kind !== BESIDE)) {
    const sent = rounds.reduce((sum, round) => sum + (round.name === name ? round.load.requests : 0), 0);
    const counted = [...(copies.get(name)?.values() ?? [])].reduce((sum, count) => sum + count, 0);
    if (counted !== sent) problems.push(`${name}: ${sent} requests, but ${counted} copies are accounted for`);
  }
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = await main().finally(async () => {
  await Promise.all([...running].map((each) => each.stop()));
});
