/** What every entry of `ALGORITHMS` must do. */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import * as fc from 'fast-check';
import { ALGORITHMS } from '../../src/balancer/algorithms/index.ts';
import { type Balancer, NO_LOAD, NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import type { BalancerName, HashingConfig } from '../../src/model/upstream-policy.ts';

function createEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => new Endpoint('shop', `10.0.${index >> 8}.${index & 255}`, 80, weight));
}

const weightLists: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 20 });

test('every file of the folder is in the list', () => {
  const files = globSync('*.ts', { cwd: new URL('../../src/balancer/algorithms', import.meta.url).pathname });
  assert.ok(files.includes('index.ts'));
  assert.equal(files.length - 1, Object.keys(ALGORITHMS).length);
});

interface Variant {
  readonly name: string;
  readonly create: (seed: number) => Balancer;
  /** How far shares may be from the weights; null = they depend on more. */
  readonly tolerance: number | null;
}

function hashed(algorithm: BalancerName, hashing: Partial<HashingConfig>, tolerance: number | null): Variant {
  const config = { keyTemplate: '$request_uri', subsetSize: 0, boundPercent: 0, ...hashing };
  const name = `${algorithm} with ${JSON.stringify(hashing)}`;
  return { name, tolerance, create: (seed) => ALGORITHMS[algorithm](seed, config, NO_LOAD) };
}

/** Points on a ring are scattered: of an endpoint of weight 1 the share is about a twelfth too large or small. */
const RING_TOLERANCE = 0.25;

const variants: readonly Variant[] = [
  ...Object.entries(ALGORITHMS).map(([name, create]) => ({
    name,
    create: (seed: number) => create(seed, null, NO_LOAD),
    tolerance: name === 'ring-hash' ? RING_TOLERANCE : 0.1,
  })),
  hashed('ring-hash', { subsetSize: 3 }, null),
  hashed('ring-hash', { subsetSize: 3, boundPercent: 125 }, null),
  hashed('ring-hash', { boundPercent: 125 }, RING_TOLERANCE),
  hashed('maglev', { boundPercent: 100 }, 0.1),
];

for (const { name, create, tolerance } of variants) {
  test(`${name} returns null only without endpoints, and one that was tried only when there is no other`, () => {
    const places = fc.array(fc.nat(19), { maxLength: 8 });
    fc.assert(
      fc.property(weightLists, fc.array(places), fc.integer(), (weights, attempts, seed) => {
        const available = createEndpoints(weights);
        const balancer = create(seed);
        assert.equal(balancer.pick(0, NONE_TRIED), null);
        balancer.rebuild(available);
        for (const [hashKey, triedPlaces] of attempts.entries()) {
          const tried = triedPlaces.flatMap((at) => available[at] ?? []);
          const picked = balancer.pick(hashKey, tried);
          assert.equal(picked === null, available.length === 0);
          if (picked === null) continue;
          assert.ok(available.includes(picked));
          assert.equal(tried.includes(picked), new Set(tried).size === available.length);
        }
      }),
    );
  });

  test(`${name} ignores a tried endpoint that is not available any more`, () => {
    const [gone, ...available] = createEndpoints([1, 1]);
    assert.ok(gone !== undefined);
    const balancer = create(0);
    balancer.rebuild(available);
    assert.equal(balancer.pick(0, [gone]), available[0]);
  });

  test(`${name} picks only what the last rebuild left`, () => {
    fc.assert(
      fc.property(weightLists, fc.array(fc.array(fc.boolean()), { maxLength: 10 }), (weights, masks) => {
        const endpoints = createEndpoints(weights);
        const balancer = create(1);
        for (const mask of masks) {
          const available = endpoints.filter((_, index) => mask[index] === true);
          balancer.rebuild(available);
          for (let count = 0; count < 10; count += 1) {
            const picked = balancer.pick(count, NONE_TRIED);
            assert.equal(picked === null, available.length === 0);
            if (picked !== null) assert.ok(available.includes(picked));
          }
        }
      }),
    );
  });

  test(`${name} gives shares close to the weights, whether or not it is rebuilt meanwhile`, () => {
    if (tolerance === null) return;
    const endpoints = createEndpoints([1, 2, 3, 10, 24]);
    for (const rebuildEvery of [Number.POSITIVE_INFINITY, 7, 1]) {
      const balancer = create(12_345);
      balancer.rebuild(endpoints);
      const picks = countPicks(balancer, endpoints, 40_000, rebuildEvery);
      for (const [at, endpoint] of endpoints.entries()) {
        const expected = endpoint.weight * 1_000;
        assert.ok(Math.abs((picks[at] ?? 0) - expected) < expected * tolerance, `${endpoint.weight}: ${picks[at]}`);
      }
    }
  });

  test(`${name} allocates less than 8 bytes a pick`, () => {
    const endpoints = createEndpoints(Array.from({ length: 1_000 }, (_, index) => (index % 97) + 1));
    const balancer = create(1);
    // Fractions of a slot are in play after a rebuild that changed the sum of the weights.
    balancer.rebuild(endpoints.slice(3));
    countPicks(balancer, endpoints, 100, 7);
    balancer.rebuild(endpoints);
    // As in traffic: with something in flight, and latencies that are known.
    for (const [index, endpoint] of endpoints.entries()) {
      endpoint.inFlight = index % 3;
      balancer.observe(endpoint, (index % 17) + 1, index, false);
    }
    // The compiler may allocate while it works; the least of several rounds is ours.
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 8; round += 1) least = Math.min(least, measurePickBytes(balancer, 100_000));
    assert.ok(least < 8, `${least} bytes a pick`);
  });

  test(`${name} allocates less than 8 bytes for what it is told of an attempt`, () => {
    const endpoints = createEndpoints(Array.from({ length: 100 }, () => 1));
    const balancer = create(1);
    balancer.rebuild(endpoints);
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 8; round += 1) least = Math.min(least, measureObserveBytes(balancer, endpoints, round));
    assert.ok(least < 8, `${least} bytes an attempt`);
  });
}

function countPicks(balancer: Balancer, endpoints: readonly Endpoint[], count: number, rebuildEvery: number): number[] {
  const places = new Map(endpoints.map((endpoint, index) => [endpoint, index]));
  const picks = endpoints.map(() => 0);
  for (let pick = 0; pick < count; pick += 1) {
    if (pick % rebuildEvery === rebuildEvery - 1) balancer.rebuild(endpoints);
    const picked = balancer.pick(Math.imul(pick, 0x9e3779b1), NONE_TRIED);
    assert.ok(picked !== null);
    const place = places.get(picked) ?? -1;
    picks[place] = (picks[place] ?? Number.NaN) + 1;
  }
  return picks;
}

function measurePickBytes(balancer: Balancer, count: number): number {
  const before = getHeapStatistics().total_allocated_bytes;
  for (let pick = 0; pick < count; pick += 1) balancer.pick(pick, NONE_TRIED);
  return (getHeapStatistics().total_allocated_bytes - before) / count;
}

function measureObserveBytes(balancer: Balancer, endpoints: readonly Endpoint[], round: number): number {
  const count = 100_000;
  const before = getHeapStatistics().total_allocated_bytes;
  for (let attempt = 0; attempt < count; attempt += 1) {
    const endpoint = endpoints[attempt % endpoints.length] as Endpoint;
    balancer.observe(endpoint, attempt & 1023, round * count + attempt, (attempt & 15) === 0);
  }
  return (getHeapStatistics().total_allocated_bytes - before) / count;
}
