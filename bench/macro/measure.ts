/** Runs one leg: starts its upstream and its targets, and puts load on each in turn. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import type { Certificate } from './certificate.ts';
import type { Leg } from './legs.ts';
import { h2load } from './load.ts';
import type { PinnedProcess } from './pinned-process.ts';
import { cpuSeconds } from './process-tree.ts';
import type { Round } from './report.ts';
import { startTargets, type Target } from './targets.ts';
import { startUpstream } from './upstreams.ts';

export interface LegPlan {
  readonly leg: Leg;
  readonly targets: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly certificate: Certificate;
  readonly directory: string;
}

export interface LegResult {
  readonly targets: readonly string[];
  readonly rounds: readonly Round[];
  /** How this leg went, besides its figures: upstream, cipher, rate. */
  readonly notes: readonly string[];
  /** Requests a second that a leg with a fixed rate asks for, else null. */
  readonly rate: number | null;
}

const WARM_UP_ROUNDS_AT_MOST = 5;
/** A leg with a fixed rate is run at this part of what the slower of these two could do on one core. */
const RATE_SHARE = 0.6;
export const RATE_MEASURED_AT: readonly string[] = ['sluice', 'nginx'];

export async function measureLeg(plan: LegPlan): Promise<LegResult> {
  const { leg } = plan;
  const directory = join(plan.directory, leg.name);
  mkdirSync(directory);
  const processes: PinnedProcess[] = [];
  try {
    const upstream = await startUpstream(leg.uploads, directory);
    processes.push(upstream.process);
    const route = {
      upstreamPort: upstream.port,
      certificate: leg.tls ? plan.certificate : null,
      directory,
      preload: null,
    };
    const targets = await startTargets(plan.targets, route, (started) => processes.push(started));
    const notes = [`upstream: ${upstream.name}`];
    if (leg.tls) notes.push(await describeTls(targets));
    const rate = leg.measure === 'latency' ? await chooseRate(plan, targets, directory) : null;
    if (rate !== null) notes.push(`${rate} requests/s`);
    const rounds = await measureRounds(plan, targets, rate, directory);
    return { targets: targets.map(({ name }) => name), rounds, notes, rate };
  } finally {
    await Promise.all(processes.map((each) => each.stop()));
  }
}

/** Interleaved, because a shared machine is not the same machine a minute later. */
async function measureRounds(
  { leg, rounds, seconds }: LegPlan,
  targets: readonly Target[],
  rate: number | null,
  directory: string,
): Promise<readonly Round[]> {
  const scheme = leg.tls ? 'https' : 'http';
  const measure = (target: Target): Promise<Round> => {
    const origin = `${scheme}://127.0.0.1:${target.port}`;
    return measureTarget(target, () => leg.load({ origin, seconds, directory, rate }));
  };
  for (const target of targets) await warmUp(target, measure, leg.warmUpRequests);
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) results.push(await measure(target));
  }
  return results;
}

/**
 * A program on Node compiles what has run often enough, not long enough: on a busy machine one round of a few seconds leaves
 * much of it to be compiled in the rounds that count.
 */
async function warmUp(target: Target, measure: (target: Target) => Promise<Round>, wanted: number): Promise<void> {
  let requests = 0;
  const roundsAtMost = target.onNode ? WARM_UP_ROUNDS_AT_MOST : 1;
  for (let round = 0; round < roundsAtMost && requests < wanted; round++) {
    requests += (await measure(target)).requests;
  }
}

async function measureTarget(target: Target, generate: () => ReturnType<Leg['load']>): Promise<Round> {
  const pid = target.process?.pid ?? null;
  const startedMs = performance.now();
  const before = pid === null ? 0 : cpuSeconds(pid);
  const result = await generate();
  const spent = pid === null ? null : cpuSeconds(pid) - before;
  return { target: target.name, cpuSeconds: spent, seconds: (performance.now() - startedMs) / 1000, ...result };
}

/** From the CPU that a request takes when as many come as can. */
async function chooseRate({ leg, seconds }: LegPlan, targets: readonly Target[], directory: string): Promise<number> {
  const saturations: number[] = [];
  const asked = targets.filter(({ name }) => RATE_MEASURED_AT.includes(name));
  if (asked.length === 0)
    throw new Error('the rate of the latency leg is found with sluice or nginx, but neither runs');
  for (const target of asked) {
    const url = `http://127.0.0.1:${target.port}/`;
    const load = { url, connections: 64, seconds, directory, http1: true, streams: 1, rate: null };
    const measure = (): Promise<Round> => measureTarget(target, () => h2load(load));
    await warmUp(target, measure, leg.warmUpRequests);
    const { requests, cpuSeconds: spent } = await measure();
    saturations.push(requests / (spent ?? Number.NaN));
  }
  return Math.round(Math.min(...saturations) * RATE_SHARE);
}

async function describeTls(targets: readonly Target[]): Promise<string> {
  const seen = new Map<string, string[]>();
  for (const { name, port } of targets) {
    const parameters = await negotiate(port);
    seen.set(parameters, [...(seen.get(parameters) ?? []), name]);
  }
  const parts = [...seen].map(([parameters, names]) => `${parameters} (${names.join(', ')})`);
  return `${parts.join('; ')}, ECDSA P-256`;
}

function negotiate(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // The certificate was made for this run; nobody vouches for it.
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
    resolve(`${socket.getProtocol() ?? 'no TLS'} ${socket.getCipher().standardName}`);
    socket.destroy();
  });
  socket.once('error', reject);
  return promise;
}
