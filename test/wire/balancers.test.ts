/** Balancers between real sockets: shares by weight over several workers, and what a slow endpoint of four is given. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { type TestContext, test } from 'node:test';
import type { BalancerName } from '../../src/model/upstream-policy.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
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

/** @param onLeave a client has no further request */
async function request(port: number, connections: number, each: number, onLeave = (): void => {}): Promise<void> {
  const client = async (): Promise<void> => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < each; count += 1) assert.equal(await get(port, agent), 200);
    agent.destroy();
    onLeave();
  };
  await Promise.all(Array.from({ length: connections }, client));
}

function get(port: number, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const message = http.get({ host: '127.0.0.1', port, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    message.on('error', reject);
  });
}

function countsOf({ upstreams }: Pick<Rig, 'upstreams'>): readonly number[] {
  return upstreams.map(({ requests }) => requests.length);
}

const answer: Script = () => ok('fine');

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

const CLIENTS = 16;
const EACH = 50;
const SLOW_MS = 200;

/**
 * Of the requests to four endpoints, one of which is slow. Time is counted in answers of the others, a millisecond each,
 * and goes on by itself when all clients wait for the slow one: how fast the machine is makes no difference.
 */
async function shareOfSlow(t: TestContext, balancer: BalancerName): Promise<number> {
  const clock = new FakeClock();
  const { mock: now } = t.mock.method(performance, 'now', () => clock.nowMs());
  let clients = CLIENTS;
  const skip = (): void => {
    while (clock.pending > 0 && clock.pending === clients) clock.advanceTo(clock.nowMs() + 1);
  };
  const fast: Script = (each) => {
    clock.advanceTo(clock.nowMs() + 1);
    return answer(each);
  };
  const slow: Script = ({ connection }) => {
    clock.schedule(SLOW_MS, () => connection.write(ok('at last')));
    skip();
    return null;
  };
  const upstreams = await Promise.all([fast, fast, fast, slow].map((script) => ScriptedUpstream.start(script)));
  const proxy = new InProcessProxy({});
  const config = { ...upstreamConfig('a', ...upstreams.map(({ address }) => address)), balancer };
  await proxy.apply({ upstreams: [config], routes: [routeConfig('r', 'a')] });
  await request(proxy.port, CLIENTS, EACH, () => {
    clients -= 1;
    skip();
  });
  await proxy.close();
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  now.restore();
  const counts = countsOf({ upstreams });
  t.diagnostic(`${balancer}: ${counts.join(', ')}, the last of them is slow`);
  return (counts[3] ?? 0) / (CLIENTS * EACH);
}

test('a slow endpoint of four gets its turn by round-robin, less by load, next to nothing by latency', async (t) => {
  assert.equal(await shareOfSlow(t, 'round-robin'), 0.25);
  const byLoad = await shareOfSlow(t, 'least-request');
  assert.ok(byLoad < 0.1, String(byLoad));
  const byLatency = await shareOfSlow(t, 'peak-ewma');
  assert.ok(byLatency < byLoad / 2, `${byLatency} by latency, ${byLoad} by load`);
});
