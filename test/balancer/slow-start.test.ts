/** The share of new and returning endpoints grows over a window, in few steps. Time moves only when a test says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptResult } from '../../src/balancer/attempt-result.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import type { Upstream } from '../../src/balancer/upstream.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { DEFAULT_OUTLIER_DETECTION } from '../../src/model/outlier-detection.ts';
import type { UpstreamPolicy } from '../../src/model/upstream-policy.ts';
import { upstreamConfig } from '../support/proxy-config.ts';

const SLOW_START = { windowMs: 10_000, minPercent: 10 };

class Worker {
  readonly registry: UpstreamRegistry;
  #nowMs = 1;

  constructor(addresses: readonly string[], policy: Partial<UpstreamPolicy> = { slowStart: SLOW_START }) {
    const transport = { idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined };
    this.registry = new UpstreamRegistry(() => transport, 1);
    this.registry.onTick(this.#nowMs);
    this.configure(addresses, policy);
  }

  configure(addresses: readonly string[], policy: Partial<UpstreamPolicy> = { slowStart: SLOW_START }): void {
    this.registry.ensure({ ...upstreamConfig('shop', ...addresses), ...policy });
  }

  get upstream(): Upstream {
    const upstream = this.registry.get('shop');
    assert.ok(upstream !== null);
    return upstream;
  }

  pass(ms: number): void {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs = Math.min(endMs, this.#nowMs + 100);
      this.registry.onTick(this.#nowMs);
    }
  }

  /** Weights in force, as shares of the configured weight in percent. */
  get shares(): readonly number[] {
    const { endpoints, weightScale } = this.upstream;
    return endpoints.map(({ weight, weightInForce }) => Math.round((weightInForce * 100) / (weight * weightScale)));
  }
}

test('all endpoints of the first list have their whole share at once', () => {
  const worker = new Worker(['10.0.0.1:80', '10.0.0.2:80*3']);
  assert.deepEqual([worker.shares, worker.upstream.weightScale], [[100, 100], 1]);
});

test('the share of an endpoint that comes later grows evenly to the whole', () => {
  const worker = new Worker(['10.0.0.1:80', '10.0.0.2:80*3']);
  worker.pass(1_000);
  worker.configure(['10.0.0.1:80', '10.0.0.2:80*3', '10.0.0.3:80', '10.0.0.4:80*3']);
  const seen: (readonly number[])[] = [worker.shares];
  for (let quarter = 0; quarter < 4; quarter++) {
    worker.pass(2_500);
    seen.push(worker.shares);
  }
  assert.deepEqual(
    seen.map(([a, b]) => [a, b]),
    seen.map(() => [100, 100]),
  );
  const expected = [10, 32.5, 55, 77.5, 100];
  for (const at of [2, 3]) {
    for (const [place, share] of expected.entries()) {
      assert.ok(Math.abs((seen[place]?.[at] ?? 0) - share) <= 5, `${seen[place]?.[at]} at ${place} for ${share}`);
    }
  }
  worker.pass(500);
  assert.deepEqual([worker.shares, worker.upstream.weightScale], [[100, 100, 100, 100], 1]);
});

test('requests follow the share', () => {
  const worker = new Worker(['10.0.0.1:80']);
  worker.pass(1_000);
  worker.configure(['10.0.0.1:80', '10.0.0.2:80']);
  let picked = 0;
  for (let pick = 0; pick < 1_100; pick++) if (worker.upstream.pick(0, NONE_TRIED)?.id === '10.0.0.2:80') picked++;
  assert.ok(Math.abs(picked - 100) <= 2, `${picked} of 1,100 at a share of 10 %`);
});

test('an endpoint that returns ramps up as well, from probes as from an ejection', () => {
  const outlierDetection = { ...DEFAULT_OUTLIER_DETECTION, serverErrors: 1, baseEjectionMs: 1_000 };
  const worker = new Worker(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'], { slowStart: SLOW_START, outlierDetection });
  const [a, b] = worker.upstream.endpoints;
  assert.ok(a !== undefined && b !== undefined);
  worker.upstream.applyVerdicts([{ endpointId: a.id, healthy: false, reason: 'x' }]);
  assert.deepEqual(worker.shares, [0, 100, 100]);
  worker.upstream.applyVerdicts([{ endpointId: a.id, healthy: true, reason: '' }]);
  assert.deepEqual(worker.shares, [10, 100, 100]);
  worker.pass(11_000);
  worker.upstream.record(b, AttemptResult.ServerError, 0, 11_001);
  worker.pass(1_000);
  assert.equal(worker.upstream.takeTrial(true), b);
  worker.upstream.record(b, AttemptResult.Ok, 0, 12_001);
  assert.deepEqual(worker.shares, [100, 10, 100]);
});

test('without slow start everybody has the whole share at once, and switching it off ends what is under way', () => {
  const worker = new Worker(['10.0.0.1:80']);
  worker.configure(['10.0.0.1:80', '10.0.0.2:80']);
  assert.deepEqual(worker.shares, [100, 10]);
  worker.configure(['10.0.0.1:80', '10.0.0.2:80'], { slowStart: null });
  worker.pass(1_000);
  assert.deepEqual(worker.shares, [100, 100]);
  worker.configure(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'], { slowStart: null });
  assert.deepEqual(worker.shares, [100, 100, 100]);
});

test('another window counts at once, and so does an algorithm that ramps up', () => {
  const addresses = ['10.0.0.1:80', '10.0.0.2:80'];
  const worker = new Worker(addresses.slice(0, 1));
  worker.configure(addresses, { slowStart: { windowMs: 3_600_000, minPercent: 10 } });
  assert.deepEqual(worker.shares, [100, 10]);
  worker.pass(1_000);
  worker.configure(addresses, { slowStart: { windowMs: 2_000, minPercent: 10 } });
  assert.deepEqual(worker.shares, [100, 55]);
  worker.configure(addresses, { slowStart: { windowMs: 2_000, minPercent: 10 }, balancer: 'maglev' });
  assert.deepEqual(worker.shares, [100, 100]);
  worker.configure(addresses, { slowStart: { windowMs: 2_000, minPercent: 10 }, balancer: 'random' });
  assert.deepEqual(worker.shares, [100, 55]);
});

test('a window costs few rebuilds of the balancer, and none when it is over', (t) => {
  const addresses = Array.from({ length: 1_000 }, (_, at) => `10.0.${at >> 8}.${at & 255}:80`);
  const worker = new Worker(addresses.slice(0, 900));
  worker.pass(100);
  worker.configure(addresses);
  const { available } = worker.upstream;
  const rebuild = t.mock.method(worker.upstream.balancer, 'rebuild');
  worker.pass(10_600);
  const count = rebuild.mock.callCount();
  assert.ok(count >= 10 && count <= 21, String(count));
  assert.equal(worker.upstream.available, available);
  worker.pass(60_000);
  assert.equal(rebuild.mock.callCount(), count);
});
