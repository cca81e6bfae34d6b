/**
 * How close each algorithm comes to what it promises: shares by weight, the same while endpoints come and go, and few keys
 * that move. The figures are printed.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ALGORITHMS } from '../../src/balancer/algorithms/index.ts';
import { type Balancer, NO_LOAD, NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import { BALANCERS, type BalancerName } from '../../src/model/upstream-policy.ts';

function createEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => new Endpoint('shop', `10.0.${index >> 8}.${index & 255}`, 80, weight));
}

/** Keys without any order, as checksums of texts are. */
function keyOf(index: number): number {
  const hash = Math.imul(index ^ (index >>> 15), 0x2c1b3c6d);
  return Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
}

function pickAll(balancer: Balancer, count: number, from = 0): readonly Endpoint[] {
  return Array.from({ length: count }, (_, pick) => {
    const endpoint = balancer.pick(keyOf(from + pick), NONE_TRIED);
    assert.ok(endpoint !== null);
    return endpoint;
  });
}

/** The shares of the endpoints over those their weights say. */
function relativeShares(picks: readonly Endpoint[], endpoints: readonly Endpoint[]): readonly number[] {
  const total = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  const counts = new Map<Endpoint, number>();
  for (const endpoint of picks) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  return endpoints.map((endpoint) => ((counts.get(endpoint) ?? 0) * total) / (picks.length * endpoint.weight));
}

function deviation(shares: readonly number[]): number {
  return Math.sqrt(shares.reduce((sum, share) => sum + (share - 1) ** 2, 0) / shares.length);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/**
 * Largest standard deviation of shares, relative to those by weight. 90,000 draws scatter by up to 1 %, a million over a
 * thousand endpoints by 3.2 %, and the 160 points of a ring by 1 / sqrt(160) = 8 %.
 */
const LIMITS: Readonly<Record<BalancerName, { readonly few: number; readonly many: number }>> = {
  'round-robin': { few: 0.0001, many: 0.001 },
  'least-request': { few: 0.02, many: 0.04 },
  'peak-ewma': { few: 0.02, many: 0.04 },
  random: { few: 0.02, many: 0.04 },
  'ring-hash': { few: 0.15, many: 0.1 },
  maglev: { few: 0.02, many: 0.04 },
};

for (const name of BALANCERS) {
  test(`${name} divides five to three to one`, (t: TestContext) => {
    const endpoints = createEndpoints([5, 3, 1]);
    const balancer = ALGORITHMS[name](7, null, NO_LOAD);
    balancer.rebuild(endpoints);
    const error = deviation(relativeShares(pickAll(balancer, 90_000), endpoints));
    t.diagnostic(`${name}, weights 5:3:1: shares are off by ${percent(error)}`);
    assert.ok(error < LIMITS[name].few);
  });

  test(`${name} divides a million requests over a thousand endpoints`, (t: TestContext) => {
    const endpoints = createEndpoints(Array.from({ length: 1_000 }, () => 1));
    const balancer = ALGORITHMS[name](7, null, NO_LOAD);
    balancer.rebuild(endpoints);
    const error = deviation(relativeShares(pickAll(balancer, 1_000_000), endpoints));
    t.diagnostic(`${name}, 1,000 endpoints: shares are off by ${percent(error)}`);
    assert.ok(error < LIMITS[name].many);
  });

  test(`${name} divides as well while others come and go`, (t: TestContext) => {
    const endpoints = createEndpoints(Array.from({ length: 30 }, (_, index) => (index % 3) + 1));
    const balancer = ALGORITHMS[name](7, null, NO_LOAD);
    const staying = endpoints.slice(0, 20);
    const picks: Endpoint[] = [];
    for (let change = 0; change < 300; change += 1) {
      balancer.rebuild([...staying, ...endpoints.slice(20 + (change % 10))]);
      picks.push(...pickAll(balancer, 301, change * 301));
    }
    const stayed = picks.filter((endpoint) => staying.includes(endpoint));
    const error = deviation(relativeShares(stayed, staying));
    t.diagnostic(`${name}, under churn: shares are off by ${percent(error)}`);
    assert.ok(error < Math.max(LIMITS[name].few, 0.005));
  });
}

/** How many keys may move besides those that must. */
const NEEDLESS: Readonly<Record<'ring-hash' | 'maglev', number>> = { 'ring-hash': 0, maglev: 0.015 };

for (const name of ['ring-hash', 'maglev'] as const) {
  for (const count of [4, 10, 100, 1_000]) {
    test(`${name} moves few keys when one of ${count} endpoints goes, and those come back with it`, (t: TestContext) => {
      const endpoints = createEndpoints(Array.from({ length: count }, () => 1));
      const gone = endpoints[count >> 1];
      const balancer = ALGORITHMS[name](7, null, NO_LOAD);
      balancer.rebuild(endpoints);
      const before = pickAll(balancer, 100_000);
      balancer.rebuild(endpoints.filter((endpoint) => endpoint !== gone));
      const without = pickAll(balancer, 100_000);
      balancer.rebuild(endpoints);
      assert.deepEqual(pickAll(balancer, 100_000), before);
      const mustMove = before.filter((endpoint) => endpoint === gone).length / before.length;
      const needless = without.filter((endpoint, key) => before[key] !== gone && before[key] !== endpoint).length;
      t.diagnostic(
        `${name}, one of ${count} goes: ${percent(mustMove)} of the keys were its own, ${percent(needless / before.length)} more move`,
      );
      assert.ok(needless / before.length <= NEEDLESS[name]);
      assert.ok(mustMove < (1 / count) * 1.4, `its share of keys was ${mustMove}`);
    });
  }
}

test('workers of different seeds are together as fair as one', (t: TestContext) => {
  for (const name of BALANCERS) {
    const endpoints = createEndpoints([5, 3, 1]);
    const picks = [11, 22, 33, 44].flatMap((seed, worker) => {
      const balancer = ALGORITHMS[name](seed, null, NO_LOAD);
      balancer.rebuild(endpoints);
      return pickAll(balancer, 22_500, worker * 22_500);
    });
    const error = deviation(relativeShares(picks, endpoints));
    t.diagnostic(`${name}, 4 workers, weights 5:3:1: shares are off by ${percent(error)}`);
    assert.ok(error < LIMITS[name].few, name);
  }
});
