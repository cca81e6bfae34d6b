/** Passive health of one upstream: who is ejected, for how long, and how one returns. Time moves only when a test says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptResult } from '../../src/balancer/attempt-result.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import type { Endpoint } from '../../src/balancer/endpoint.ts';
import type { Upstream } from '../../src/balancer/upstream.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { DEFAULT_OUTLIER_DETECTION, type OutlierDetectionConfig } from '../../src/model/outlier-detection.ts';
import type { EjectionChange } from '../../src/model/proxy-config.ts';
import type { UpstreamPolicy } from '../../src/model/upstream-policy.ts';
import { upstreamConfig } from '../support/proxy-config.ts';

const { Ok, Neutral, ServerError, ConnectFailed, Timeout, Reset } = AttemptResult;

/** Nothing but what a test asks for. */
const QUIET: OutlierDetectionConfig = {
  ...DEFAULT_OUTLIER_DETECTION,
  connectFailures: 0,
  gatewayFailures: 0,
  serverErrors: 0,
  successRateGap: 0,
  baseEjectionMs: 1_000,
  maxEjectionMs: 8_000,
};

/** One worker with one upstream `shop` of `count` endpoints. */
class Worker {
  readonly registry: UpstreamRegistry;
  readonly sent: EjectionChange[] = [];
  panics = 0;
  #nowMs = 1;

  constructor(count: number, part: Partial<OutlierDetectionConfig>, policy: Partial<UpstreamPolicy> = {}) {
    const transport = { idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined };
    this.registry = new UpstreamRegistry(() => transport, 1, 1, {
      onEjectionChanges: (changes) => this.sent.push(...changes),
      onPanic: () => this.panics++,
    });
    this.registry.onTick(this.#nowMs);
    this.configure(count, part, policy);
  }

  configure(count: number, part: Partial<OutlierDetectionConfig> | null, policy: Partial<UpstreamPolicy> = {}): void {
    const addresses = Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}:80`);
    const outlierDetection = part === null ? null : { ...QUIET, ...part };
    this.registry.ensure({ ...upstreamConfig('shop', ...addresses), outlierDetection, ...policy });
  }

  get upstream(): Upstream {
    const upstream = this.registry.get('shop');
    assert.ok(upstream !== null);
    return upstream;
  }

  endpoint(at: number): Endpoint {
    const endpoint = this.upstream.endpoints[at];
    assert.ok(endpoint !== undefined);
    return endpoint;
  }

  record(at: number, ...results: readonly AttemptResult[]): void {
    for (const result of results) this.upstream.record(this.endpoint(at), result, 0, this.#nowMs);
  }

  pass(ms: number): void {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs = Math.min(endMs, this.#nowMs + 100);
      this.registry.onTick(this.#nowMs);
    }
  }

  get out(): readonly number[] {
    return this.upstream.endpoints.flatMap(({ passive }, at) => (passive.ejected ? [at] : []));
  }

  /** How long until the endpoint may be tried. */
  untilTrial(at: number): number {
    const startMs = this.#nowMs;
    while (this.upstream.trialsDue === 0 && this.#nowMs < startMs + 100_000) this.pass(100);
    assert.equal(this.upstream.takeTrial(true), this.endpoint(at));
    return this.#nowMs - startMs;
  }
}

interface StreakCase {
  readonly name: string;
  readonly limits: Partial<OutlierDetectionConfig>;
  readonly results: readonly AttemptResult[];
  readonly reason: string | null;
}

const streaks: readonly StreakCase[] = [
  {
    name: 'connect failures in a row',
    limits: { connectFailures: 3 },
    results: [ConnectFailed, ConnectFailed, ConnectFailed],
    reason: 'connect-failures',
  },
  {
    name: 'one too few',
    limits: { connectFailures: 3 },
    results: [ConnectFailed, ConnectFailed],
    reason: null,
  },
  {
    name: 'a success in between',
    limits: { connectFailures: 3, gatewayFailures: 3, serverErrors: 3 },
    results: [ConnectFailed, ConnectFailed, Ok, ConnectFailed, ConnectFailed],
    reason: null,
  },
  {
    name: 'clients that leave say nothing',
    limits: { connectFailures: 3 },
    results: [ConnectFailed, Neutral, ConnectFailed, Neutral, ConnectFailed],
    reason: 'connect-failures',
  },
  {
    name: 'any kind of silence',
    limits: { connectFailures: 3, gatewayFailures: 4 },
    results: [ConnectFailed, Timeout, Reset, Timeout],
    reason: 'gateway-failures',
  },
  {
    name: 'an error is an answer',
    limits: { gatewayFailures: 3 },
    results: [Timeout, Timeout, ServerError, Timeout, Timeout],
    reason: null,
  },
  {
    name: 'errors and silence together',
    limits: { gatewayFailures: 5, serverErrors: 5 },
    results: [ServerError, Timeout, ServerError, Reset, ServerError],
    reason: 'server-errors',
  },
  { name: 'nothing is switched on', limits: {}, results: Array.from({ length: 99 }, () => Timeout), reason: null },
];

for (const { name, limits, results, reason } of streaks) {
  test(`ejection by streaks: ${name}`, () => {
    const worker = new Worker(4, limits);
    worker.record(1, ...results);
    assert.deepEqual(worker.out, reason === null ? [] : [1]);
    assert.equal(worker.endpoint(1).passive.reason, reason);
    assert.equal(worker.upstream.available.length, reason === null ? 4 : 3);
  });
}

test('without detection nothing is counted, and switching it off takes everybody back', () => {
  const worker = new Worker(4, { serverErrors: 2 });
  worker.record(0, ServerError, ServerError);
  assert.deepEqual(worker.out, [0]);
  worker.configure(4, null);
  assert.deepEqual(worker.out, []);
  assert.equal(worker.upstream.available.length, 4);
  worker.record(0, ServerError, ServerError, ServerError);
  assert.deepEqual(worker.out, []);
});

test('each ejection in a row lasts twice as long, up to the maximum', () => {
  const worker = new Worker(4, { serverErrors: 1 });
  worker.record(2, ServerError);
  const lengths: number[] = [];
  for (let round = 0; round < 6; round++) {
    lengths.push(worker.untilTrial(2));
    worker.record(2, ServerError);
  }
  assert.deepEqual(lengths, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

test('good behaviour takes ejections off the record, one for each base time', () => {
  const worker = new Worker(4, { serverErrors: 1 });
  worker.record(2, ServerError);
  worker.untilTrial(2);
  worker.record(2, ServerError);
  worker.untilTrial(2);
  worker.record(2, Ok);
  worker.pass(1_000);
  worker.record(2, ServerError);
  assert.equal(worker.untilTrial(2), 2_000);
  worker.record(2, Ok);
  worker.pass(60_000);
  worker.record(2, ServerError);
  assert.equal(worker.untilTrial(2), 1_000);
});

test('when its time is over one request tries the endpoint, and the rest waits for what it says', () => {
  const worker = new Worker(4, { gatewayFailures: 1 });
  worker.record(0, Reset);
  worker.pass(900);
  assert.equal(worker.upstream.trialsDue, 0);
  worker.pass(100);
  assert.equal(worker.upstream.trialsDue, 1);
  assert.equal(worker.upstream.takeTrial(true), worker.endpoint(0));
  assert.equal(worker.upstream.trialsDue, 0);
  assert.equal(worker.upstream.takeTrial(true), null);
  for (let picks = 0; picks < 12; picks++) assert.notEqual(worker.upstream.pick(0, NONE_TRIED), worker.endpoint(0));
  worker.record(0, Ok);
  assert.deepEqual(worker.out, []);
  assert.equal(worker.upstream.available.length, 4);
});

test('a trial that says nothing, or takes too long, is followed by another', () => {
  const worker = new Worker(4, { gatewayFailures: 1 });
  worker.record(0, Reset);
  worker.untilTrial(0);
  worker.record(0, Neutral);
  assert.equal(worker.upstream.takeTrial(true), worker.endpoint(0));
  worker.pass(4_900);
  assert.equal(worker.upstream.trialsDue, 0);
  worker.pass(100);
  assert.equal(worker.upstream.trialsDue, 1);
});

test('a request that cannot be repeated tries an endpoint only when no other comes for a second', () => {
  const worker = new Worker(4, { gatewayFailures: 1 });
  worker.record(0, Reset);
  worker.pass(1_000);
  assert.equal(worker.upstream.takeTrial(false), null);
  worker.pass(1_000);
  assert.equal(worker.upstream.takeTrial(false), worker.endpoint(0));
});

test('what began before the ejection, or before the trial, counts no more', () => {
  const worker = new Worker(4, { gatewayFailures: 1 });
  const endpoint = worker.endpoint(0);
  worker.record(0, Reset);
  worker.record(0, Ok, Reset, Ok);
  assert.deepEqual(worker.out, [0]);
  const waitedMs = worker.untilTrial(0);
  assert.equal(waitedMs, 1_000);
  worker.pass(500);
  for (const result of [Timeout, Ok]) worker.upstream.record(endpoint, result, 5_000, 1_501);
  assert.deepEqual([worker.out, worker.sent.length], [[0], 1]);
  worker.upstream.record(endpoint, Ok, 400, 1_501);
  assert.deepEqual(worker.out, []);
});

test('a long response that began before the ejection does not end it, however soon its head came', () => {
  const worker = new Worker(4, { gatewayFailures: 1 });
  worker.record(0, Reset);
  worker.pass(500);
  worker.upstream.record(worker.endpoint(0), Ok, 5, 501, 60_000);
  assert.deepEqual(worker.out, [0]);
  worker.upstream.record(worker.endpoint(0), Ok, 5, 501, 100);
  assert.deepEqual(worker.out, []);
});

for (const [name, limits, ejecting, harmless] of [
  ['connections', { connectFailures: 1 }, ConnectFailed, [ServerError, Timeout, Reset]],
  ['silence', { gatewayFailures: 1 }, Reset, [ServerError]],
] as const) {
  test(`where only ${name} may eject, a trial that is answered otherwise brings the endpoint back`, () => {
    for (const result of harmless) {
      const worker = new Worker(4, limits);
      worker.record(0, ejecting);
      worker.untilTrial(0);
      worker.record(0, ejecting);
      assert.deepEqual(worker.out, [0], 'it fails the trial');
      worker.untilTrial(0);
      worker.record(0, result);
      assert.deepEqual(worker.out, [], String(result));
    }
  });
}

/** How many of `count` endpoints that all fail are ejected. */
function ejectedOf(count: number, maxEjectedPercent: number): number {
  const worker = new Worker(count, { serverErrors: 1, maxEjectedPercent });
  for (let at = 0; at < count; at++) worker.record(at, ServerError);
  return worker.out.length;
}

test('no more than the share that may be ejected is, one of several always, the last never', () => {
  assert.deepEqual(
    [ejectedOf(10, 50), ejectedOf(10, 19), ejectedOf(10, 0), ejectedOf(2, 10), ejectedOf(3, 100), ejectedOf(1, 100)],
    [5, 1, 1, 1, 2, 0],
  );
});

test('the last endpoint that probes find healthy stays, whatever it answers', () => {
  const worker = new Worker(3, { serverErrors: 1, maxEjectedPercent: 100 });
  const verdicts = [0, 1].map((at) => ({ endpointId: worker.endpoint(at).id, healthy: false, reason: 'status 500' }));
  worker.upstream.applyVerdicts(verdicts);
  worker.record(2, ServerError, ServerError);
  assert.deepEqual([worker.out, worker.upstream.available], [[], [worker.endpoint(2)]]);
});

test('while probes find an ejected endpoint unhealthy nobody tries it, and when they find it healthy it is back', () => {
  const worker = new Worker(4, { serverErrors: 1 });
  worker.record(0, ServerError);
  const judge = (healthy: boolean): boolean =>
    worker.upstream.applyVerdicts([{ endpointId: worker.endpoint(0).id, healthy, reason: healthy ? '' : 'x' }]);
  judge(false);
  worker.pass(5_000);
  assert.equal(worker.upstream.takeTrial(true), null);
  assert.equal(worker.upstream.trialsDue, 0);
  judge(true);
  assert.deepEqual(worker.out, []);
  assert.equal(worker.upstream.available.length, 4);
});

test('below the panic threshold ejections are ignored first, then what probes say', () => {
  const worker = new Worker(4, { serverErrors: 1, maxEjectedPercent: 100 }, { panicThreshold: 60 });
  worker.record(0, ServerError);
  assert.deepEqual([worker.upstream.panicking, worker.upstream.available.length], [false, 3]);
  worker.record(1, ServerError);
  assert.deepEqual([worker.upstream.panicking, worker.upstream.available.length], [true, 4]);
  const judge = (at: number): boolean =>
    worker.upstream.applyVerdicts([{ endpointId: worker.endpoint(at).id, healthy: false, reason: 'x' }]);
  judge(0);
  assert.deepEqual([worker.upstream.panicking, worker.upstream.available.length], [true, 3]);
  judge(3);
  assert.deepEqual([worker.upstream.panicking, worker.upstream.available.length], [true, 4]);
  assert.deepEqual([worker.panics, worker.upstream.panics], [1, 1]);
});

test('in a panic an answer brings an ejected endpoint back at once', () => {
  const worker = new Worker(2, { serverErrors: 1 }, { panicThreshold: 100 });
  worker.record(0, ServerError);
  assert.equal(worker.upstream.panicking, true);
  worker.pass(300);
  worker.record(0, ServerError);
  assert.deepEqual(worker.out, [0]);
  worker.record(0, Ok);
  assert.deepEqual([worker.out, worker.upstream.panicking], [[], false]);
});

test('an endpoint that fails more often than the others is ejected when the interval ends', () => {
  const worker = new Worker(4, { successRateGap: 30, successRateRequests: 50 });
  worker.record(3, Ok);
  for (let round = 0; round < 60; round++) {
    for (const at of [0, 1, 2]) worker.record(at, Ok);
    worker.record(3, round % 2 === 0 ? ServerError : Ok);
  }
  assert.deepEqual(worker.out, []);
  worker.pass(10_000);
  worker.record(0, Ok);
  assert.deepEqual([worker.out, worker.endpoint(3).passive.reason], [[3], 'success-rate']);
});

test('an interval starts from nothing', () => {
  const worker = new Worker(4, { successRateGap: 30, successRateRequests: 50 });
  const fill = (rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      for (const at of [0, 1, 2]) worker.record(at, Ok);
      worker.record(3, round % 2 === 0 ? ServerError : Ok);
    }
  };
  for (let interval = 0; interval < 5; interval++) {
    fill(40);
    worker.pass(10_000);
  }
  fill(1);
  assert.deepEqual(worker.out, []);
});

test('a removed endpoint is forgotten, and its id begins anew', () => {
  const worker = new Worker(4, { serverErrors: 1 });
  const gone = worker.endpoint(3);
  worker.record(3, ServerError);
  worker.configure(3, { serverErrors: 1 });
  worker.upstream.record(gone, Ok, 0, 1_000);
  worker.upstream.record(gone, ServerError, 0, 1_000);
  worker.configure(4, { serverErrors: 1 });
  assert.deepEqual([worker.out, worker.endpoint(3).passive.level], [[], 0]);
  assert.equal(worker.upstream.available.length, 4);
});

test('state outlives an update of the list', () => {
  const worker = new Worker(4, { serverErrors: 2 });
  worker.record(0, ServerError, ServerError);
  worker.record(1, ServerError);
  worker.configure(5, { serverErrors: 2 });
  assert.deepEqual(worker.out, [0]);
  worker.record(1, ServerError);
  assert.deepEqual(worker.out, [0, 1]);
});

test('other workers do as the first one found out, without failures of their own', () => {
  const [a, b] = [new Worker(4, { serverErrors: 1 }), new Worker(4, { serverErrors: 1 })];
  a.record(1, ServerError);
  a.pass(100);
  assert.deepEqual(a.sent, [
    { upstreamId: 'shop', endpointId: '10.0.0.2:80', reason: 'server-errors', forMs: 1_000, level: 1 },
  ]);
  b.registry.adoptEjections(a.sent);
  b.registry.adoptEjections(a.sent);
  b.pass(100);
  assert.deepEqual([b.out, b.sent], [[1], []]);
  a.untilTrial(1);
  a.record(1, Ok);
  a.pass(100);
  b.registry.adoptEjections(a.sent.slice(1));
  assert.deepEqual([a.out, b.out], [[], []]);
  assert.equal(b.upstream.available.length, 4);
});

test('a worker that hears of a failed trial waits on, and of the same ejection twice changes nothing', () => {
  const worker = new Worker(4, { serverErrors: 1 });
  worker.record(1, ServerError);
  worker.pass(1_000);
  assert.equal(worker.upstream.trialsDue, 1);
  const change: EjectionChange = {
    upstreamId: 'shop',
    endpointId: '10.0.0.2:80',
    reason: 'server-errors',
    forMs: 2_000,
    level: 2,
  };
  worker.registry.adoptEjections([change]);
  assert.equal(worker.upstream.trialsDue, 0);
  worker.pass(1_000);
  worker.registry.adoptEjections([change, { ...change, level: 1 }]);
  assert.equal(worker.untilTrial(1), 1_000);
});

test('what others found out does not eject more than may be, nor what is not here', () => {
  const worker = new Worker(2, { serverErrors: 1 });
  const changes = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.9:80'].map((endpointId): EjectionChange => {
    return { upstreamId: 'shop', endpointId, reason: 'server-errors', forMs: 1_000, level: 1 };
  });
  worker.registry.adoptEjections([...changes, ...changes.map((change) => ({ ...change, upstreamId: 'other' }))]);
  assert.deepEqual(worker.out, [0]);
});
