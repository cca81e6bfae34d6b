/** Balancers between real sockets: shares by weight over several workers, and what a slow endpoint of four costs. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { type TestContext, test } from 'node:test';
import type { BalancerName } from '../../src/model/upstream-policy.ts';
import { ok, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

interface Rig {
  readonly sluice: SluiceProcess;
  readonly upstreams: readonly ScriptedUpstream[];
}

interface RigOptions {
  readonly balancer: BalancerName;
  readonly weights: readonly number[];
  readonly workers: number;
  readonly scripts: readonly Script[];
}

async function start(t: TestContext, { balancer, weights, workers, scripts }: RigOptions): Promise<Rig> {
  const upstreams = await Promise.all(scripts.map((script) => ScriptedUpstream.start(script)));
  t.after(() => Promise.all(upstreams.map((upstream) => upstream.close())));
  const endpoints = upstreams.map(({ address }, index) => ({ address, weight: weights[index] }));
  const config = { upstreams: { a: { endpoints, balancer } }, routes: [{ upstream: 'a' }] };
  const sluice = await SluiceProcess.start({ config, args: ['--workers', String(workers)] });
  t.after(() => sluice.kill());
  return { sluice, upstreams };
}

/** @returns how long each took, sorted, in milliseconds */
async function request(port: number, connections: number, each: number): Promise<readonly number[]> {
  const latencies: number[] = [];
  const client = async (): Promise<void> => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < each; count += 1) {
      const startMs = performance.now();
      assert.equal(await get(port, agent), 200);
      latencies.push(performance.now() - startMs);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: connections }, client));
  return latencies.toSorted((a, b) => a - b);
}

function get(port: number, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const message = http.get({ host: '127.0.0.1', port, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    message.on('error', reject);
  });
}

function countsOf({ upstreams }: Rig): readonly number[] {
  return upstreams.map(({ requests }) => requests.length);
}

const answer: Script = () => ok('fine');

const slow: Script = ({ connection }) => {
  setTimeout(() => connection.write(ok('at last')), 200);
  return null;
};

/** How far from the exact share a count may be: of the first, a request for each worker; of chance, six deviations. */
const TOLERANCES = { 'round-robin': 4, random: 130 } as const;

for (const balancer of ['round-robin', 'random'] as const) {
  test(`${balancer}: four workers together divide five to three to one`, async (t) => {
    const rig = await start(t, { balancer, weights: [5, 3, 1], workers: 4, scripts: [answer, answer, answer] });
    await request(rig.sluice.httpPort, 36, 50);
    const counts = countsOf(rig);
    t.diagnostic(`${balancer}: ${counts.join(', ')} of 1000, 600, 200`);
    for (const [index, expected] of [1_000, 600, 200].entries()) {
      assert.ok(Math.abs((counts[index] ?? 0) - expected) <= TOLERANCES[balancer], `${counts[index]} for ${expected}`);
    }
  });
}

test('a slow endpoint of four gets its turn by round-robin, less by load, next to nothing by latency', async (t) => {
  const shares = new Map<BalancerName, number>();
  for (const balancer of ['round-robin', 'least-request', 'peak-ewma'] as const) {
    const scripts = [answer, answer, answer, slow];
    const rig = await start(t, { balancer, weights: [1, 1, 1, 1], workers: 1, scripts });
    const latencies = await request(rig.sluice.httpPort, 16, 50);
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) =>
      latencies[Math.floor(latencies.length * share)]?.toFixed(0),
    );
    const share = (countsOf(rig)[3] ?? 0) / latencies.length;
    shares.set(balancer, share);
    t.diagnostic(
      `${balancer}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, ${(share * 100).toFixed(1)} % to the slow one`,
    );
  }
  assert.ok((shares.get('round-robin') ?? 0) > 0.24);
  assert.ok((shares.get('least-request') ?? 1) < 0.2);
  assert.ok((shares.get('peak-ewma') ?? 1) < 0.05);
});
