/** What one slow, failing or recovering endpoint of four does to the latency that clients see. The figures are printed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BALANCERS, type BalancerName } from '../../src/model/upstream-policy.ts';
import { quantile, type SimulatedBackEnd, type SimulationResult, simulate } from '../support/queue-simulation.ts';

const KEYLESS: readonly BalancerName[] = BALANCERS.filter((name) => name !== 'ring-hash' && name !== 'maglev');

function backEnd(part: Partial<SimulatedBackEnd> = {}): SimulatedBackEnd {
  return { serviceMs: () => 10, fails: false, weight: 1, ...part };
}

/** Three ordinary ones, and one that is not. */
function run(t: TestContext, algorithm: BalancerName, odd: Partial<SimulatedBackEnd>, weight = 1): SimulationResult {
  const backEnds = [{}, {}, {}, odd].map((part) => backEnd({ weight, ...part }));
  const result = simulate({ algorithm, backEnds, requestsPerSecond: 250, requests: 20_000, seed: 5 });
  const [p50, p99] = [0.5, 0.99].map((share) => `${quantile(result.latencies, share).toFixed(1)} ms`);
  t.diagnostic(`${algorithm}: p50 ${p50}, p99 ${p99}, requests ${result.picks.join(' ')}`);
  return result;
}

/** Milliseconds of a request that begins then. */
function stopping(atMs: number): number {
  return atMs % 10_000 < 2_000 ? 500 : 10;
}

function p99Of(results: ReadonlyMap<BalancerName, SimulationResult>, name: BalancerName): number {
  return quantile(results.get(name)?.latencies ?? [], 0.99);
}

for (const weight of [1, 1_000]) {
  test(`an endpoint ten times as slow hurts least by latency, less by load (weights of ${weight})`, (t) => {
    const results = new Map(KEYLESS.map((name) => [name, run(t, name, { serviceMs: () => 100 }, weight)]));
    const roundRobin = p99Of(results, 'round-robin');
    assert.ok(p99Of(results, 'least-request') < roundRobin * 0.75);
    assert.ok(p99Of(results, 'peak-ewma') < roundRobin * 0.25);
  });
}

test('an endpoint that stops for two seconds in ten is found out by load and by latency', (t) => {
  const results = new Map(KEYLESS.map((name) => [name, run(t, name, { serviceMs: stopping })]));
  const roundRobin = p99Of(results, 'round-robin');
  assert.ok(p99Of(results, 'least-request') < roundRobin * 0.25);
  assert.ok(p99Of(results, 'peak-ewma') < roundRobin * 0.25);
});

test('to peak-ewma an endpoint that fails at once is not fast', (t) => {
  const { picks } = run(t, 'peak-ewma', { fails: true });
  assert.ok((picks[3] ?? 0) < 200, 'less than one in a hundred');
});

test('peak-ewma comes back to an endpoint that was slow', (t) => {
  // Of 80 s, the first 20 are slow.
  const { picks } = run(t, 'peak-ewma', { serviceMs: (atMs) => (atMs < 20_000 ? 200 : 10) });
  assert.ok((picks[3] ?? 0) > 1_000, 'it has its share again before the end');
});

test('least-request and peak-ewma keep to the weights of endpoints that are equally fast', (t) => {
  for (const algorithm of ['least-request', 'peak-ewma'] as const) {
    const { picks } = run(t, algorithm, { weight: 3 });
    const share = (picks[3] ?? 0) / picks.reduce((sum, count) => sum + count, 0);
    assert.ok(Math.abs(share - 0.5) < 0.15, `${algorithm}: ${share}`);
  }
});
