/** What a pick costs. The naive form adds to and scans every endpoint for each pick, as the textbook does. */

import { ALGORITHMS } from '../../src/balancer/algorithms/index.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import type { BalancerName } from '../../src/model/upstream-policy.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

function createEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => new Endpoint('shop', `10.0.${index >> 8}.${index & 255}`, 80, weight));
}

function weightsUpTo(highest: number): readonly number[] {
  return Array.from({ length: 1_000 }, (_, index) => (index % highest) + 1);
}

function picking(algorithm: BalancerName, weights: readonly number[]): Repeat {
  const balancer = ALGORITHMS[algorithm](1, null);
  balancer.rebuild(createEndpoints(weights));
  return (count) => {
    let last: Endpoint | null = null;
    for (let pick = 0; pick < count; pick += 1) last = balancer.pick(pick, NONE_TRIED);
    return last;
  };
}

function rebuilding(algorithm: BalancerName, weights: readonly number[]): Repeat {
  const balancer = ALGORITHMS[algorithm](1, null);
  const endpoints = createEndpoints(weights);
  return (count) => {
    for (let rebuild = 0; rebuild < count; rebuild += 1) {
      balancer.pick(rebuild, NONE_TRIED);
      balancer.rebuild(endpoints);
    }
    return balancer.pick(0, NONE_TRIED);
  };
}

interface Credit {
  readonly endpoint: Endpoint;
  value: number;
}

function pickingNaively(weights: readonly number[]): Repeat {
  const credits: readonly Credit[] = createEndpoints(weights).map((endpoint) => ({ endpoint, value: 0 }));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return (count) => {
    let best: Credit | null = null;
    for (let pick = 0; pick < count; pick += 1) {
      best = null;
      for (const credit of credits) {
        credit.value += credit.endpoint.weight;
        if (best === null || credit.value > best.value) best = credit;
      }
      if (best !== null) best.value -= total;
    }
    return best;
  };
}

export const cases: readonly BenchCase[] = defineCases([
  { name: 'round-robin, 2 endpoints 3:1', setup: () => picking('round-robin', [3, 1]) },
  { name: 'round-robin, 10 equal endpoints', setup: () => picking('round-robin', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) },
  { name: 'round-robin, 1000 equal endpoints', setup: () => picking('round-robin', weightsUpTo(1)) },
  { name: 'naive scan, 1000 endpoints of weights 1 to 10', setup: () => pickingNaively(weightsUpTo(10)) },
  {
    name: 'round-robin, 1000 endpoints of weights 1 to 10',
    baseline: 'naive scan, 1000 endpoints of weights 1 to 10',
    setup: () => picking('round-robin', weightsUpTo(10)),
  },
  {
    name: 'round-robin, 1000 endpoints of weights 1 to 1000',
    baseline: 'naive scan, 1000 endpoints of weights 1 to 10',
    setup: () => picking('round-robin', weightsUpTo(1_000)),
  },
  { name: 'round-robin, rebuild of 1000 endpoints', setup: () => rebuilding('round-robin', weightsUpTo(10)) },
]);
