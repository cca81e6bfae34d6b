/** Whatever happens to endpoints, in whatever order: bounds are kept, the balancer follows, and workers agree in the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AttemptResult } from '../../src/balancer/attempt-result.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { DEFAULT_OUTLIER_DETECTION, type OutlierDetectionConfig } from '../../src/model/outlier-detection.ts';
import type { EjectionChange } from '../../src/model/proxy-config.ts';
import { upstreamConfig } from '../support/proxy-config.ts';

type Step =
  | { readonly kind: 'record'; readonly worker: number; readonly at: number; readonly result: AttemptResult }
  | { readonly kind: 'judge'; readonly at: number; readonly healthy: boolean }
  | { readonly kind: 'list'; readonly mask: number; readonly draining: number }
  | { readonly kind: 'trial'; readonly worker: number }
  | { readonly kind: 'pass'; readonly ms: number };

const COUNT = 6;
const WORKERS = 3;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      worker: fc.nat(WORKERS - 1),
      at: fc.nat(COUNT - 1),
      result: fc.constantFrom(...Object.values(AttemptResult)),
    }),
  },
  fc.record({ kind: fc.constant('judge' as const), at: fc.nat(COUNT - 1), healthy: fc.boolean() }),
  fc.record({ kind: fc.constant('list' as const), mask: fc.nat(63), draining: fc.nat(63) }),
  fc.record({ kind: fc.constant('trial' as const), worker: fc.nat(WORKERS - 1) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 100, max: 5_000 }) }) },
);

const CONFIG: OutlierDetectionConfig = {
  ...DEFAULT_OUTLIER_DETECTION,
  connectFailures: 2,
  gatewayFailures: 3,
  serverErrors: 4,
  successRateRequests: 5,
  baseEjectionMs: 1_000,
  maxEjectionMs: 4_000,
};

class Cluster {
  nowMs = 1;
  readonly #registries: readonly UpstreamRegistry[];
  #inFlight: (() => void)[] = [];

  constructor(maxEjectedPercent: number) {
    const transport = { idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined };
    this.#registries = Array.from({ length: WORKERS }, (_, worker) => {
      return new UpstreamRegistry(() => transport, worker, WORKERS, {
        onEjectionChanges: (changes) => this.#tellOthers(worker, changes),
        onPanic: () => undefined,
      });
    });
    for (const registry of this.#registries) {
      registry.onTick(this.nowMs);
      const config = upstreamConfig('u', ...addresses(63));
      const outlierDetection = { ...CONFIG, maxEjectedPercent };
      registry.ensure({ ...config, outlierDetection, slowStart: { windowMs: 2_000, minPercent: 10 } });
    }
  }

  do(each: Step): void {
    if (each.kind === 'pass') this.#pass(each.ms);
    else if (each.kind === 'trial') this.#registries[each.worker]?.get('u')?.takeTrial(true);
    else if (each.kind === 'record') {
      const upstream = this.#registries[each.worker]?.get('u');
      const endpoint = upstream?.endpoints[each.at];
      if (endpoint !== undefined) upstream?.record(endpoint, each.result, 0, this.nowMs);
    } else {
      for (const registry of this.#registries) {
        if (each.kind === 'judge') {
          const endpointId = `10.0.0.${each.at + 1}:80`;
          registry.applyHealth([
            { upstreamId: 'u', endpointId, healthy: each.healthy, reason: each.healthy ? '' : 'x' },
          ]);
        } else {
          const endpoints = upstreamConfig('u', ...addresses(each.mask)).endpoints.map((endpoint, at) =>
            ((each.draining >> at) & 1) === 1 ? { ...endpoint, draining: true as const } : endpoint,
          );
          registry.applyEndpoints({ upstreamId: 'u', endpoints });
        }
      }
    }
  }

  check(maxEjectedPercent: number): void {
    for (const registry of this.#registries) {
      const upstream = registry.get('u');
      assert.ok(upstream !== null);
      const eligible = upstream.endpoints.filter(({ draining }) => !draining);
      const pool = eligible.length > 0 ? eligible : upstream.endpoints;
      assert.equal(upstream.hasEndpoints, upstream.endpoints.length > 0);
      for (const endpoint of upstream.endpoints) {
        assert.equal(endpoint.weightInForce > 0, upstream.available.includes(endpoint));
        assert.ok(endpoint.passive.phase !== 1 || endpoint.passive.untilMs <= this.nowMs + CONFIG.maxEjectionMs);
        if (!upstream.panicking && upstream.available.includes(endpoint)) {
          assert.ok(endpoint.healthy && !endpoint.passive.ejected && pool.includes(endpoint));
        }
      }
      const picked = upstream.pick(0, NONE_TRIED);
      assert.equal(picked === null, upstream.available.length === 0);
      if (picked !== null) assert.ok(upstream.available.includes(picked));
      // Whoever was ejected before others left or drained is not taken back for that.
      if (upstream.endpoints.length === COUNT && eligible.length === COUNT) {
        const out = upstream.endpoints.filter(({ passive }) => passive.ejected).length;
        assert.ok(out <= Math.max(1, Math.floor((COUNT * maxEjectedPercent) / 100)), String(out));
      }
    }
  }

  /** Time for everything, and an answer to every trial. */
  settle(): void {
    this.do({ kind: 'list', mask: 63, draining: 0 });
    for (let at = 0; at < COUNT; at++) this.do({ kind: 'judge', at, healthy: true });
    for (let round = 0; round < 400; round++) {
      this.#pass(100);
      for (const registry of this.#registries) {
        const upstream = registry.get('u');
        const endpoint = upstream?.takeTrial(true) ?? null;
        if (endpoint !== null) upstream?.record(endpoint, AttemptResult.Ok, 0, this.nowMs);
      }
    }
    for (const registry of this.#registries) {
      const upstream = registry.get('u');
      assert.deepEqual(upstream?.available, upstream?.endpoints);
      assert.deepEqual([upstream?.panicking, upstream?.weightScale, upstream?.trialsDue], [false, 1, 0]);
    }
  }

  #tellOthers(from: number, changes: readonly EjectionChange[]): void {
    for (const [worker, registry] of this.#registries.entries()) {
      if (worker !== from) this.#inFlight.push(() => registry.adoptEjections(changes));
    }
  }

  #pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs = Math.min(endMs, this.nowMs + 100);
      for (const registry of this.#registries) registry.onTick(this.nowMs);
      for (const deliver of this.#inFlight.splice(0)) deliver();
    }
  }
}

function addresses(mask: number): readonly string[] {
  return Array.from({ length: COUNT }, (_, at) => `10.0.0.${at + 1}:80`).filter((_, at) => ((mask >> at) & 1) === 1);
}

test('bounds are kept at every step, and everybody is back when all is well', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.constantFrom(0, 34, 50, 100), (steps, maxEjectedPercent) => {
      const cluster = new Cluster(maxEjectedPercent);
      for (const each of steps) {
        cluster.do(each);
        cluster.check(maxEjectedPercent);
      }
      cluster.settle();
    }),
    { numRuns: 150 },
  );
});
