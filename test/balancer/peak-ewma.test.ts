/** How latency is estimated, where the contract and the simulation say too little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeakEwma } from '../../src/balancer/algorithms/peak-ewma.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';

function createEndpoints(count: number): readonly [Endpoint, Endpoint, ...Endpoint[]] {
  const endpoints = Array.from({ length: count }, (_, index) => new Endpoint('shop', `10.0.0.${index}`, 80, 1));
  return endpoints as [Endpoint, Endpoint, ...Endpoint[]];
}

/** How many of 1,000 picks fall on the endpoint. */
function share(balancer: PeakEwma, endpoint: Endpoint): number {
  return Array.from({ length: 1_000 }, () => balancer.pick(0, NONE_TRIED)).filter((one) => one === endpoint).length;
}

test('a slower response counts whole at once, a faster one by and by', () => {
  const [a] = createEndpoints(2);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a]);
  balancer.observe(a, 10, 0, false);
  balancer.observe(a, 200, 5, false);
  assert.equal(a.latencyUs, 200_000);
  balancer.observe(a, 10, 1_005, false);
  assert.equal(a.latencyUs, Math.round(10_000 + 190_000 * Math.exp(-0.1)));
  balancer.observe(a, 10, 101_005, false);
  assert.ok(Math.abs(a.latencyUs - 10_000) < 20);
});

test('a failed attempt counts as slow, however soon it failed, and more each time up to a limit', () => {
  const [a] = createEndpoints(2);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a]);
  balancer.observe(a, 3_000, 0, false);
  balancer.observe(a, 0.2, 1, true);
  assert.equal(a.latencyUs, 6_000_000);
  for (let failure = 0; failure < 40; failure += 1) balancer.observe(a, 0.2, 2, true);
  assert.equal(a.latencyUs, 60_000_000);
});

test('the first failure of an endpoint that nothing is known of counts as a second', () => {
  const [a] = createEndpoints(2);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a]);
  balancer.observe(a, 0, 0, true);
  assert.equal(a.latencyUs, 1_000_000);
});

test('a new endpoint begins with the mean of the known ones', () => {
  const [a, b, c] = createEndpoints(3);
  assert.ok(c !== undefined);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a, b]);
  balancer.observe(a, 10, 1_000, false);
  balancer.observe(b, 30, 1_000, false);
  balancer.rebuild([a, b, c]);
  assert.equal(c.latencyUs, 20_000);
});

test('an endpoint that comes back does not look fast because its estimate sank while it was away', () => {
  const [a, b, c] = createEndpoints(3);
  assert.ok(c !== undefined);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a, b, c]);
  for (const endpoint of [a, b, c]) balancer.observe(endpoint, 20, 0, false);
  balancer.rebuild([a, b]);
  for (const endpoint of [a, b]) balancer.observe(endpoint, 20, 60_000, false);
  balancer.rebuild([a, b, c]);
  assert.equal(c.latencyUs, 20_000);
});

test('before the first response an endpoint takes one request, and no more while others are known', () => {
  const [a, b] = createEndpoints(2);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a, b]);
  balancer.observe(a, 10, 0, false);
  assert.equal(share(balancer, b), 1_000);
  b.inFlight = 1;
  assert.equal(share(balancer, b), 0);
});

for (const weight of [1, 1_000]) {
  test(`requests in flight count as latency does (weights of ${weight})`, () => {
    const [a, b] = createEndpoints(2);
    for (const endpoint of [a, b]) endpoint.weightInForce = weight;
    const balancer = new PeakEwma(1);
    balancer.rebuild([a, b]);
    balancer.observe(a, 10, 0, false);
    balancer.observe(b, 25, 0, false);
    assert.equal(share(balancer, a), 1_000);
    a.inFlight = 2;
    assert.equal(share(balancer, a), 0, 'three times ten is more than 25');
  });
}

test('an endpoint that was slow is asked again when enough time has passed', () => {
  const [a, b] = createEndpoints(2);
  const balancer = new PeakEwma(1);
  balancer.rebuild([a, b]);
  balancer.observe(b, 100, 0, false);
  balancer.observe(a, 10, 15_000, false);
  assert.equal(share(balancer, b), 0);
  balancer.observe(a, 10, 30_000, false);
  assert.equal(share(balancer, b), 1_000);
});
