/** Shares of weighted round-robin, after any number of picks and across rebuilds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SmoothWeightedRoundRobin } from '../../src/balancer/algorithms/smooth-weighted-round-robin.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';

/** Endpoints called a, b, c, … */
function createEndpoints(weights: readonly number[]): Endpoint[] {
  return weights.map((weight, index) => new Endpoint('shop', String.fromCharCode(97 + index), 80, weight));
}

function createBalancer(endpoints: readonly Endpoint[], seed = 0): SmoothWeightedRoundRobin {
  const balancer = new SmoothWeightedRoundRobin(seed);
  balancer.rebuild(endpoints);
  return balancer;
}

function pickNames(balancer: SmoothWeightedRoundRobin, count: number): string {
  let names = '';
  for (let pick = 0; pick < count; pick += 1) names += balancer.pick(0, NONE_TRIED)?.address ?? '!';
  return names;
}

function countOf(name: string, names: string): number {
  return names.split(name).length - 1;
}

const weightLists: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 1000 }), {
  minLength: 2,
  maxLength: 12,
});

interface Case {
  readonly name: string;
  readonly weights: readonly number[];
  readonly seed: number;
  /** Two periods. */
  readonly picks: string;
}

const cases: readonly Case[] = [
  { name: 'equal weights go round in the order given', weights: [1, 1, 1], seed: 0, picks: 'abcabc' },
  { name: 'the seed names who begins', weights: [1, 1, 1], seed: 4, picks: 'bcabca' },
  { name: 'weights with a common divisor are as good as without', weights: [200, 100], seed: 0, picks: 'aabaab' },
  { name: 'three to one', weights: [3, 1], seed: 0, picks: 'aaabaaab' },
  { name: 'five to one to one is interleaved', weights: [5, 1, 1], seed: 0, picks: 'aaabaacaaabaac' },
  { name: 'five to three to two', weights: [5, 3, 2], seed: 0, picks: 'abacababacabacababac' },
  { name: 'one endpoint takes all', weights: [7], seed: 3, picks: 'aa' },
];

for (const c of cases) {
  test(c.name, () => {
    assert.equal(pickNames(createBalancer(createEndpoints(c.weights), c.seed), c.picks.length), c.picks);
  });
}

test('400 picks of three to one are exactly 300 and 100', () => {
  const names = pickNames(createBalancer(createEndpoints([3, 1])), 400);
  assert.equal(countOf('a', names), 300);
  assert.equal(countOf('b', names), 100);
});

test('after any number of picks every endpoint is less than one pick away from its share', () => {
  fc.assert(
    fc.property(weightLists, fc.nat(1_000), (weights, seed) => {
      const endpoints = createEndpoints(weights);
      const balancer = createBalancer(endpoints, seed);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const picks = new Map(endpoints.map((endpoint) => [endpoint, 0]));
      for (let count = 1; count <= 2 * total && count <= 3_000; count += 1) {
        const picked = balancer.pick(0, NONE_TRIED);
        assert.ok(picked !== null);
        picks.set(picked, (picks.get(picked) ?? Number.NaN) + 1);
        for (const [endpoint, have] of picks) {
          // In whole numbers, so that the bound is exact; it makes the shares of a full period exact too.
          assert.ok(Math.abs(have * total - count * endpoint.weight) < total, `${endpoint.address} after ${count}`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a rebuild after every pick changes nothing in the sequence', () => {
  fc.assert(
    fc.property(weightLists, fc.nat(1_000), (weights, seed) => {
      const endpoints = createEndpoints(weights);
      const undisturbed = createBalancer(endpoints, seed);
      const rebuilt = createBalancer(endpoints, seed);
      for (let count = 0; count < 300; count += 1) {
        assert.equal(rebuilt.pick(0, NONE_TRIED), undisturbed.pick(0, NONE_TRIED));
        rebuilt.rebuild([...endpoints]);
      }
    }),
  );
});

test('endpoints that come and go all the time get their shares of the time they are there', () => {
  fc.assert(
    fc.property(weightLists, fc.array(fc.nat(11), { minLength: 1, maxLength: 20 }), (weights, absences) => {
      const endpoints = createEndpoints(weights);
      const balancer = createBalancer(endpoints);
      const lag = new Map(endpoints.map((endpoint) => [endpoint, 0]));
      for (let count = 0; count < 2_000; count += 1) {
        const away = endpoints[absences[count % absences.length] ?? 0];
        const available = endpoints.filter((endpoint) => endpoint !== away);
        balancer.rebuild(available);
        const total = available.reduce((sum, endpoint) => sum + endpoint.weight, 0);
        const picked = balancer.pick(0, NONE_TRIED);
        for (const endpoint of available) {
          const due = endpoint.weight / total - (endpoint === picked ? 1 : 0);
          lag.set(endpoint, (lag.get(endpoint) ?? Number.NaN) + due);
        }
      }
      // Nobody drifts away: the bound has nothing to do with the number of picks.
      for (const [endpoint, behind] of lag) assert.ok(Math.abs(behind) < 4, `${endpoint.address} is ${behind} behind`);
    }),
    { numRuns: 60 },
  );
});

test('an endpoint that comes back after its turn does not take another at once', () => {
  const endpoints = createEndpoints([1, 1, 1]);
  const balancer = createBalancer(endpoints);
  assert.equal(pickNames(balancer, 1), 'a');
  balancer.rebuild(endpoints.slice(1));
  balancer.rebuild(endpoints);
  assert.equal(pickNames(balancer, 5), 'bcabc');
});

test('a new endpoint gets its share and no burst', () => {
  const endpoints = createEndpoints([1, 1, 1, 1]);
  const balancer = createBalancer(endpoints.slice(0, 3));
  pickNames(balancer, 1_000);
  balancer.rebuild(endpoints);
  const names = pickNames(balancer, 12);
  assert.equal(countOf('d', names), 3);
  assert.doesNotMatch(names, /dd/);
});

test('a changed weight counts from the next rebuild on', () => {
  const endpoints = createEndpoints([1, 1]);
  const [a] = endpoints;
  assert.ok(a !== undefined);
  const balancer = createBalancer(endpoints);
  pickNames(balancer, 10);
  a.weightInForce = 4;
  balancer.rebuild(endpoints);
  assert.equal(countOf('a', pickNames(balancer, 50)), 40);
});

test('an endpoint that was removed while away is not remembered', () => {
  const endpoints = createEndpoints([1, 1]);
  const [a] = endpoints;
  assert.ok(a !== undefined);
  const balancer = createBalancer(endpoints);
  assert.equal(pickNames(balancer, 1), 'a');
  balancer.rebuild(endpoints.slice(1));
  a.removed = true;
  balancer.rebuild(endpoints.slice(1));
  a.removed = false;
  balancer.rebuild(endpoints);
  assert.equal(pickNames(balancer, 1), 'a', 'as new, it goes first among equals');
});

test('a tried endpoint loses its turns instead of saving them up for a burst', () => {
  const endpoints = createEndpoints([3, 1, 1]);
  const [a] = endpoints;
  assert.ok(a !== undefined);
  const balancer = createBalancer(endpoints);
  for (let count = 0; count < 100; count += 1) assert.notEqual(balancer.pick(0, [a]), a);
  assert.equal(countOf('a', pickNames(balancer, 50)), 30);
});

test('a thousand endpoints of a thousand different weights have their exact shares in every period', () => {
  const endpoints = createEndpoints(Array.from({ length: 1_000 }, (_, index) => index + 1));
  const balancer = createBalancer(endpoints);
  // The first is computed, the second written down too, the third read.
  for (let period = 0; period < 3; period += 1) {
    const picks = new Map<Endpoint | null, number>();
    for (let count = 0; count < 500_500; count += 1) {
      const picked = balancer.pick(0, NONE_TRIED);
      picks.set(picked, (picks.get(picked) ?? 0) + 1);
    }
    for (const endpoint of endpoints) assert.equal(picks.get(endpoint), endpoint.weight);
  }
});

test('time starting at 0 again after a million picks is not noticed', () => {
  // Too long a period for three endpoints to be written down.
  const period = 9_999;
  const balancer = createBalancer(createEndpoints([5_000, 3_000, 1_999]));
  const first = pickNames(balancer, period);
  for (let count = period; count < 2 ** 20 + period; count += period) assert.equal(pickNames(balancer, period), first);
});

test('reading the order again is not noticed, nor is a rebuild in the middle of it', () => {
  const smallWeights = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(smallWeights, fc.nat(1_000), fc.nat(200), (weights, seed, disturbedAt) => {
      const endpoints = createEndpoints(weights);
      const undisturbed = createBalancer(endpoints, seed);
      const disturbedOnce = createBalancer(endpoints, seed);
      const computed = createBalancer(endpoints, seed);
      for (let count = 0; count < 400; count += 1) {
        const expected = computed.pick(0, NONE_TRIED);
        assert.equal(undisturbed.pick(0, NONE_TRIED), expected);
        assert.equal(disturbedOnce.pick(0, NONE_TRIED), expected);
        computed.rebuild([...endpoints]);
        if (count === disturbedAt) disturbedOnce.rebuild([...endpoints]);
      }
    }),
  );
});

test('an endpoint that comes back while others catch up does not become part of every period', () => {
  const endpoints = createEndpoints([1, 2, 3, 4]);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 60 })), { maxLength: 12 }), (stays) => {
      const balancer = createBalancer(endpoints);
      for (const [away, picks] of stays) {
        balancer.rebuild(endpoints.toSpliced(away, 1));
        pickNames(balancer, picks);
      }
      balancer.rebuild(endpoints);
      pickNames(balancer, 60);
      const names = pickNames(balancer, 100);
      assert.deepEqual(
        ['a', 'b', 'c', 'd'].map((name) => countOf(name, names)),
        [10, 20, 30, 40],
      );
    }),
  );
});

test('a share far below one in a million is still a share', () => {
  const endpoints = createEndpoints([1_000_000_000, 1]);
  const balancer = createBalancer(endpoints);
  assert.equal(countOf('a', pickNames(balancer, 1_000)), 1_000);
});

test('a tried endpoint with nearly all the weight is replaced by the others in turn, without a long search', () => {
  const endpoints = createEndpoints([1_000_000_000, 1, 1, 1]);
  const [a] = endpoints;
  assert.ok(a !== undefined);
  const balancer = createBalancer(endpoints);
  let names = '';
  for (let count = 0; count < 300; count += 1) names += balancer.pick(0, [a])?.address ?? '!';
  for (const name of 'bcd') assert.ok(Math.abs(countOf(name, names) - 100) <= 1, name);
});
