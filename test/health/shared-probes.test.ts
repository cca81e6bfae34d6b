/** Endpoints that several upstreams share, that come and go, and that cannot make up their minds. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../../src/model/health-check.ts';
import { eventuallyTrue, untilQuiet } from '../support/eventually-true.ts';
import { createRig, endpoint, FakeNetwork, Rig, upstream } from './prober-rig.ts';

const TCP: HealthCheckConfig = {
  ...DEFAULT_HEALTH_CHECK,
  kind: 'tcp',
  intervalMs: 10_000,
  unhealthyIntervalMs: 2_000,
  unhealthyAfter: 2,
  healthyAfter: 2,
};
const A = endpoint('10.0.0.1');
const B = endpoint('10.0.0.2');

/** Runs every probe that is due within the time, each to its end. */
async function pass(rig: Rig, forMs: number): Promise<void> {
  const endMs = rig.clock.nowMs() + forMs;
  while (rig.clock.nextDueMs <= endMs) {
    rig.clock.runNext();
    await ended(rig);
  }
  rig.clock.moveTo(endMs);
  await ended(rig);
}

/** Every probe that began, and what it changes is told. */
async function ended(rig: Rig): Promise<void> {
  await eventuallyTrue(() => {
    const { inFlight, waiting } = rig.prober.stats();
    return inFlight + waiting === 0;
  });
  await untilQuiet(() => rig.changes.length);
}

function start(t: TestContext): { readonly rig: Rig; readonly network: FakeNetwork } {
  const network = new FakeNetwork();
  return { rig: createRig(t, undefined, network), network };
}

test('upstreams that ask the same of one address share its probes, and each is told', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.1:80');
  rig.prober.apply([upstream('a', TCP, [A]), upstream('b', { ...TCP }, [A, B])]);
  assert.equal(rig.clock.pending, 2);
  await pass(rig, 5_000);
  assert.deepEqual(
    rig.changes.map(({ upstreamId, endpointId, healthy }) => [upstreamId, endpointId, healthy]),
    [
      ['a', '10.0.0.1:80', false],
      ['b', '10.0.0.1:80', false],
    ],
  );
  assert.deepEqual(rig.prober.stats().unhealthy, 1);
});

test('a machine that has run out of files finds out nothing about endpoints, good or bad', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.2:80');
  rig.prober.apply([upstream('a', TCP, [A, B])]);
  await pass(rig, 25_000);
  const told = [['10.0.0.2:80', false, 'connect ECONNREFUSED']];
  const changes = (): unknown => rig.changes.map(({ endpointId, healthy, reason }) => [endpointId, healthy, reason]);
  assert.deepEqual(changes(), told);
  network.outOfFiles = true;
  const probes = network.probed.length;
  await pass(rig, 60_000);
  assert.ok(network.probed.length >= probes + 10);
  assert.deepEqual(changes(), told);
});

test('what another upstream found out is told to a new one at once', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.1:80');
  rig.prober.apply([upstream('a', TCP, [A])]);
  await pass(rig, 5_000);
  const probes = network.probed.length;
  rig.prober.apply([upstream('a', TCP, [A]), upstream('b', TCP, [A])]);
  await untilQuiet(() => network.probed.length + rig.changes.length);
  assert.equal(network.probed.length, probes);
  const told = { upstreamId: 'b', endpointId: '10.0.0.1:80', healthy: false, reason: 'connect ECONNREFUSED' };
  assert.deepEqual(rig.changes.at(-1), told);
});

test('a probe goes on for those that are left, and for an upstream that only has a new name', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.1:80');
  rig.prober.apply([upstream('a', TCP, [A]), upstream('b', TCP, [A])]);
  await pass(rig, 5_000);
  rig.prober.apply([upstream('b', TCP, [A])]);
  rig.prober.apply([upstream('c', TCP, [A])]);
  assert.deepEqual(
    rig.prober.snapshot().map(({ upstreamId }) => upstreamId),
    ['c'],
  );
  assert.equal(rig.clock.pending, 1);
  rig.prober.apply([]);
  assert.equal(rig.clock.pending, 0);
  assert.deepEqual([rig.prober.stats().healthy, rig.prober.stats().unhealthy], [0, 0]);
});

test('endpoints on another port are probed there, once for all of an address', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.1:9000');
  const check = { ...TCP, port: 9000, unhealthyAfter: 1 };
  rig.prober.apply([upstream('a', check, [endpoint('10.0.0.1', 80), endpoint('10.0.0.1', 81)])]);
  await pass(rig, 1_000);
  assert.deepEqual(network.probed, ['10.0.0.1:9000']);
  assert.deepEqual(
    rig.changes.map(({ endpointId }) => endpointId),
    ['10.0.0.1:80', '10.0.0.1:81'],
  );
});

test('while checks fail they come at the unhealthy interval, and at the usual one again when all is well', async (t: TestContext) => {
  const { rig, network } = start(t);
  const times: number[] = [];
  const connect = network.connect;
  network.connect = (...rest) => {
    times.push(rig.clock.nowMs());
    return connect(...rest);
  };
  network.refusing.add('10.0.0.1:80');
  rig.prober.apply([upstream('a', TCP, [A])]);
  await pass(rig, 7_000);
  network.refusing.clear();
  await pass(rig, 40_000);
  const gaps = times.slice(1).map((time, at) => Math.round(time - (times[at] ?? 0)));
  // Fails at 250, 2250 (out), 4250 and 6250 ms; succeeds at 8250 and 10250 ms (back), and every 10 s from then on.
  assert.deepEqual(gaps, [2_000, 2_000, 2_000, 2_000, 2_000, 10_000, 10_000, 10_000]);
});

test('an endpoint that flaps faster than the thresholds keeps its verdict', async (t: TestContext) => {
  const { rig, network } = start(t);
  rig.prober.apply([upstream('a', { ...TCP, unhealthyIntervalMs: 10_000 }, [A])]);
  for (let round = 0; round < 20; round++) {
    if (round % 2 === 0) network.refusing.add('10.0.0.1:80');
    else network.refusing.clear();
    await pass(rig, 10_000);
  }
  assert.ok(rig.prober.stats().failed >= 9);
  assert.deepEqual(rig.changes, []);
});

test('the last result is there to be asked for', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.2:80');
  rig.prober.apply([upstream('a', TCP, [A, B])]);
  assert.equal(rig.prober.lastCheck('a', '10.0.0.1:80'), null);
  await pass(rig, 1_000);
  assert.deepEqual(rig.prober.lastCheck('a', '10.0.0.1:80'), { checkedAt: 1_000_250, latencyMs: 0, reason: '' });
  assert.equal(rig.prober.lastCheck('a', '10.0.0.2:80')?.reason, 'connect ECONNREFUSED');
  assert.equal(rig.prober.lastCheck('b', '10.0.0.1:80'), null);
});

test('results, verdicts and changes are counted', async (t: TestContext) => {
  const { rig, network } = start(t);
  network.refusing.add('10.0.0.1:80');
  rig.prober.apply([upstream('a', TCP, [A, B])]);
  await pass(rig, 5_000);
  network.refusing.clear();
  await pass(rig, 4_000);
  assert.deepEqual(rig.prober.stats(), {
    succeeded: 3,
    failed: 3,
    timedOut: 0,
    becameHealthy: 1,
    becameUnhealthy: 1,
    healthy: 2,
    unhealthy: 0,
    inFlight: 0,
    waiting: 0,
  });
});

test('whatever comes and goes, workers that were told every change agree with the prober, and nothing is left over', async () => {
  const names = ['a', 'b', 'c'];
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const checks = [TCP, { ...TCP, unhealthyAfter: 1 }, { ...TCP, port: 9000 }, null];
  const step = fc.record({
    upstreams: fc.dictionary(
      fc.constantFrom(...names),
      fc.record({ check: fc.nat(checks.length - 1), endpoints: fc.subarray(addresses) }),
      { noNullPrototype: true },
    ),
    refusing: fc.subarray(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.1:9000']),
    forMs: fc.integer({ min: 0, max: 15_000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const network = new FakeNetwork();
      const rig = new Rig(() => 0.5, network);
      // What a worker believes: endpoints are healthy until it is told otherwise, and forgotten with their upstream.
      const unhealthy = new Set<string>();
      let told = 0;
      const hear = (): void => {
        for (const { upstreamId, endpointId, healthy } of rig.changes.slice(told)) {
          if (healthy) unhealthy.delete(`${upstreamId} ${endpointId}`);
          else unhealthy.add(`${upstreamId} ${endpointId}`);
        }
        told = rig.changes.length;
      };
      for (const { upstreams, refusing, forMs } of steps) {
        network.refusing.clear();
        for (const address of refusing) network.refusing.add(address);
        const configs = Object.entries(upstreams).map(([name, { check, endpoints }]) =>
          upstream(
            name,
            checks[check] ?? null,
            endpoints.map((address) => endpoint(address)),
          ),
        );
        const present = new Set(
          configs.flatMap(({ id, endpoints }) => endpoints.map(({ address }) => `${id} ${address}:80`)),
        );
        hear();
        rig.prober.apply(configs);
        hear();
        for (const key of unhealthy) if (!present.has(key)) unhealthy.delete(key);
        await pass(rig, forMs);
        hear();
        const snapshot = rig.prober.snapshot().map(({ upstreamId, endpointId }) => `${upstreamId} ${endpointId}`);
        assert.deepEqual([...unhealthy].toSorted(), snapshot.toSorted());
      }
      rig.prober.apply([]);
      assert.equal(rig.clock.pending, 0);
      assert.deepEqual([rig.prober.stats().healthy, rig.prober.stats().unhealthy], [0, 0]);
    }),
    { numRuns: 100 },
  );
});
