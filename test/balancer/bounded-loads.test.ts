/** Hash keys that may not overload their endpoint, and subsets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ALGORITHMS } from '../../src/balancer/algorithms/index.ts';
import { type Balancer, NONE_TRIED, type UpstreamLoad } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import { crc32 } from '../../src/model/crc32.ts';
import type { BalancerName, HashingConfig } from '../../src/model/upstream-policy.ts';

function createEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => new Endpoint('shop', `10.0.0.${index + 1}`, 8080, weight));
}

function create(name: BalancerName, available: readonly Endpoint[], hashing: Partial<HashingConfig>): Balancer {
  const load: UpstreamLoad = {
    get inFlight(): number {
      return available.reduce((sum, { inFlight }) => sum + inFlight, 0);
    },
  };
  const balancer = ALGORITHMS[name](1, { keyTemplate: '', subsetSize: 0, boundPercent: 0, ...hashing }, load);
  balancer.rebuild(available);
  return balancer;
}

function pick(balancer: Balancer, key: number, tried: readonly Endpoint[] = NONE_TRIED): Endpoint {
  const endpoint = balancer.pick(key, tried);
  assert.ok(endpoint !== null);
  return endpoint;
}

const equal = (count: number): readonly number[] => Array.from({ length: count }, () => 1);

for (const name of ['ring-hash', 'maglev'] as const) {
  test(`${name}: one hot key fills its endpoint to the bound, then the next ones in its order`, () => {
    const endpoints = createEndpoints(equal(4));
    const balancer = create(name, endpoints, { boundPercent: 150 });
    const unbounded = create(name, endpoints, {});
    const hot = crc32('hot');
    const order: Endpoint[] = [];
    while (order.length < 4) order.push(pick(unbounded, hot, order));
    for (let request = 0; request < 100; request += 1) pick(balancer, hot).inFlight += 1;
    assert.deepEqual(
      order.map(({ inFlight }) => inFlight),
      [38, 38, 24, 0],
      'a share and a half of 25 each, rounded up',
    );
  });

  test(`${name}: no endpoint gets more than the bound for its weight`, () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
    const bounds = fc.integer({ min: 100, max: 300 });
    const keys = fc.array(fc.nat(5), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(weights, bounds, keys, (some, boundPercent, requests) => {
        const endpoints = createEndpoints(some);
        const balancer = create(name, endpoints, { boundPercent });
        const total = some.reduce((sum, weight) => sum + weight, 0);
        for (const [done, key] of requests.entries()) {
          const endpoint = pick(balancer, crc32(`k${key}`));
          endpoint.inFlight += 1;
          const most = Math.ceil((boundPercent * (done + 1) * endpoint.weight) / (100 * total));
          assert.ok(endpoint.inFlight <= most, `${endpoint.inFlight} of at most ${most}`);
        }
      }),
      { numRuns: 50 },
    );
  });

  test(`${name}: a retry goes to an endpoint with room that has not failed, or else to one without`, () => {
    const endpoints = createEndpoints(equal(3));
    const balancer = create(name, endpoints, { boundPercent: 100 });
    const key = crc32('alice');
    const first = pick(balancer, key);
    const second = pick(balancer, key, [first]);
    assert.notEqual(second, first);
    second.inFlight = 9;
    const third = pick(balancer, key, [first]);
    assert.ok(third !== first && third !== second);
    assert.equal(pick(balancer, key, [first, third]), second);
  });
}

test('a key leads to the members of one set, in the order of the list', () => {
  const endpoints = createEndpoints(equal(9));
  const balancer = create('ring-hash', endpoints, { subsetSize: 3 });
  for (let key = 0; key < 50; key += 1) {
    const places = Array.from({ length: 60 }, () => endpoints.indexOf(pick(balancer, crc32(`k${key}`))));
    const first = Math.min(...places);
    assert.equal(first % 3, 0);
    assert.deepEqual(
      [...new Set(places)].toSorted((a, b) => a - b),
      [first, first + 1, first + 2],
    );
  }
});

test('the last set is filled up from the beginning of the list', () => {
  const endpoints = createEndpoints(equal(4));
  const balancer = create('ring-hash', endpoints, { subsetSize: 3 });
  const sets = new Set<string>();
  for (let key = 0; key < 50; key += 1) {
    const places = Array.from({ length: 60 }, () => endpoints.indexOf(pick(balancer, crc32(`k${key}`))));
    sets.add([...new Set(places)].toSorted((a, b) => a - b).join(' '));
  }
  assert.deepEqual([...sets].toSorted(), ['0 1 2', '0 1 3']);
});

test('a set that has failed is followed by others, and members are as likely as their weight', () => {
  const endpoints = createEndpoints([1, 3, 1, 1]);
  const balancer = create('ring-hash', endpoints, { subsetSize: 2 });
  const key = Array.from({ length: 50 }, (_, index) => crc32(`k${index}`)).find(
    (one) => endpoints.indexOf(pick(balancer, one)) < 2,
  );
  assert.ok(key !== undefined);
  const tried = endpoints.slice(0, 2);
  assert.ok(!tried.includes(pick(balancer, key, tried)));
  const picks = Array.from({ length: 4_000 }, () => pick(balancer, key));
  assert.ok(Math.abs(picks.filter((endpoint) => endpoint === endpoints[1]).length - 3_000) < 150);
});

test('a subset larger than the list is the list', () => {
  const endpoints = createEndpoints(equal(2));
  const balancer = create('ring-hash', endpoints, { subsetSize: 10 });
  assert.equal(new Set(Array.from({ length: 50 }, () => pick(balancer, 7))).size, 2);
});
