/** What a pick costs. The naive form adds to and scans every endpoint for each pick, as the textbook does. */

import { ALGORITHMS } from '../../src/balancer/algorithms/index.ts';
import { NO_LOAD, NONE_TRIED } from '../../src/balancer/balancer.ts';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import { BALANCERS, type BalancerName, type HashingConfig } from '../../src/model/upstream-policy.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

function createEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => new Endpoint('shop', `10.0.${index >> 8}.${index & 255}`, 80, weight));
}

function weightsUpTo(highest: number): readonly number[] {
  return Array.from({ length: 1_000 }, (_, index) => (index % highest) + 1);
}

function picking(algorithm: BalancerName, weights: readonly number[]): Repeat {
  const balancer = ALGORITHMS[algorithm](1, null, NO_LOAD);
  balancer.rebuild(createEndpoints(weights));
  return (count) => {
    let last: Endpoint | null = null;
    for (let pick = 0; pick < count; pick += 1) last = balancer.pick(pick, NONE_TRIED);
    return last;
  };
}

function rebuilding(algorithm: BalancerName, weights: readonly number[]): Repeat {
  const balancer = ALGORITHMS[algorithm](1, null, NO_LOAD);
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

/** Keys without any order, so that no lookup is ready in the cache because the last one was near. */
function pickingByKey(algorithm: BalancerName, weights: readonly number[], hashing: HashingConfig | null): Repeat {
  const balancer = ALGORITHMS[algorithm](1, hashing, NO_LOAD);
  balancer.rebuild(createEndpoints(weights));
  return (count) => {
    let last: Endpoint | null = null;
    for (let pick = 0; pick < count; pick += 1) last = balancer.pick(Math.imul(pick, 0x9e3779b1), NONE_TRIED);
    return last;
  };
}

/** Latencies are known and requests in flight, as in traffic. */
function pickingByLatency(): Repeat {
  const balancer = ALGORITHMS['peak-ewma'](1, null, NO_LOAD);
  const endpoints = createEndpoints(weightsUpTo(1));
  balancer.rebuild(endpoints);
  for (const [index, endpoint] of endpoints.entries()) {
    endpoint.inFlight = index % 3;
    balancer.observe(endpoint, (index % 17) + 1, index, false);
  }
  return (count) => {
    let last: Endpoint | null = null;
    for (let pick = 0; pick < count; pick += 1) last = balancer.pick(0, NONE_TRIED);
    return last;
  };
}

function observing(): Repeat {
  const balancer = ALGORITHMS['peak-ewma'](1, null, NO_LOAD);
  const endpoints = createEndpoints(weightsUpTo(1));
  balancer.rebuild(endpoints);
  return (count) => {
    for (let attempt = 0; attempt < count; attempt += 1) {
      balancer.observe(endpoints[attempt % 1_000] as Endpoint, attempt & 63, attempt, (attempt & 127) === 0);
    }
    return endpoints[0]?.latencyUs;
  };
}

/** A pick that must pass over one endpoint that has failed the request. */
function retrying(algorithm: BalancerName): Repeat {
  const balancer = ALGORITHMS[algorithm](1, null, NO_LOAD);
  const endpoints = createEndpoints(weightsUpTo(1));
  balancer.rebuild(endpoints);
  const tried = endpoints.slice(500, 501);
  return (count) => {
    let last: Endpoint | null = null;
    for (let pick = 0; pick < count; pick += 1) last = balancer.pick(Math.imul(pick, 0x9e3779b1), tried);
    return last;
  };
}

/** One of the endpoints goes, and comes back with the next rebuild, as health has it. */
function flapping(algorithm: BalancerName): Repeat {
  const balancer = ALGORITHMS[algorithm](1, null, NO_LOAD);
  const endpoints = createEndpoints(weightsUpTo(1));
  const others = endpoints.toSpliced(500, 1);
  balancer.rebuild(endpoints);
  return (count) => {
    for (let rebuild = 0; rebuild < count; rebuild += 1) balancer.rebuild(rebuild % 2 === 0 ? others : endpoints);
    return balancer.pick(0, NONE_TRIED);
  };
}

const BOUNDED: HashingConfig = { keyTemplate: '$request_uri', subsetSize: 0, boundPercent: 125 };
const SUBSETS: HashingConfig = { keyTemplate: '$request_uri', subsetSize: 3, boundPercent: 0 };

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
  {
    name: 'round-robin, 1000 endpoints of weights 3 to 2001: too long a period to keep',
    setup: () =>
      picking(
        'round-robin',
        weightsUpTo(1_000).map((weight) => 2 * weight + 1),
      ),
  },
  { name: 'round-robin, rebuild of 1000 endpoints', setup: () => rebuilding('round-robin', weightsUpTo(10)) },
  { name: 'random, 1000 endpoints', setup: () => picking('random', weightsUpTo(1)) },
  { name: 'random, 1000 endpoints of weights 1 to 10', setup: () => picking('random', weightsUpTo(10)) },
  { name: 'least-request, 1000 endpoints', setup: () => picking('least-request', weightsUpTo(1)) },
  { name: 'least-request, 1000 endpoints of weights 1 to 10', setup: () => picking('least-request', weightsUpTo(10)) },
  { name: 'peak-ewma, 1000 endpoints', setup: pickingByLatency },
  { name: 'peak-ewma, an observation', setup: observing },
  { name: 'ring-hash, 1000 endpoints', setup: () => pickingByKey('ring-hash', weightsUpTo(1), null) },
  { name: 'ring-hash with a bound, 1000 endpoints', setup: () => pickingByKey('ring-hash', weightsUpTo(1), BOUNDED) },
  { name: 'ring-hash by subsets, 1000 endpoints', setup: () => pickingByKey('ring-hash', weightsUpTo(1), SUBSETS) },
  { name: 'maglev, 1000 endpoints', setup: () => pickingByKey('maglev', weightsUpTo(1), null) },
  ...BALANCERS.map((name) => ({ name: `${name}, retry among 1000 endpoints`, setup: () => retrying(name) })),
  ...BALANCERS.map((name) => ({ name: `${name}, one of 1000 endpoints goes or comes`, setup: () => flapping(name) })),
]);
