/** Counters of workers summed up, those of dead ones included. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { UpstreamSum } from '../../src/metrics/stats-sum.ts';
import { type Existing, WorkerTotals } from '../../src/metrics/worker-totals.ts';
import type { WorkerStats } from '../../src/model/worker-stats.ts';
import { endpointRow, routeRow, upstreamRow, workerStats } from '../support/worker-stats.ts';

/** What workers do not tell of does not exist, but for routes. */
const anyRoute: Existing = { hasRoute: () => true, hasUpstream: () => false, weightsOf: () => new Map() };

/** A report with `count` in every counter that the assertions below read. */
function report(workerId: number, count: number): WorkerStats {
  return workerStats(workerId, {
    connections: {
      active: 1,
      accepted: count,
      refused: 2 * count,
      refusedPerClient: 4 * count,
      acceptErrors: 3 * count,
      tlsHandshakeErrors: 0,
    },
    requests: { active: 1, total: count, unrouted: { 404: count } },
    routes: [
      routeRow('r', count, {
        split: [{ upstreamId: 'u', canary: true, requests: count, failures: 0, fallbacks: count }],
      }),
    ],
    endpoints: [endpointRow('u', '10.0.0.1:80', { requests: count, inFlight: 1 })],
    upstreams: [
      upstreamRow('u', {
        retries: { error: count },
        budgetExhausted: 2 * count,
        backupRequests: 3 * count,
        pending: 1,
        rejected: 4 * count,
        queueTimeouts: 5 * count,
      }),
    ],
  });
}

test('counters of all workers are added up, row by row', () => {
  const sum = new WorkerTotals().update([report(1, 3), report(2, 4)], anyRoute);
  assert.equal(sum.accepted, 7);
  assert.equal(sum.refused, 14);
  assert.equal(sum.refusedPerClient, 28);
  assert.equal(sum.acceptErrors, 21);
  assert.equal(sum.unrouted.get('404'), 7);
  assert.deepEqual(sum.routes.get('r')?.statusClasses, [0, 7, 0, 0, 0]);
  assert.equal(sum.routes.get('r')?.durationBuckets[0], 7);
  assert.deepEqual(sum.routes.get('r')?.split, [
    { upstreamId: 'u', canary: true, requests: 7, failures: 0, fallbacks: 7 },
  ]);
  assert.equal(sum.endpoints.get('u')?.get('10.0.0.1:80')?.requests, 7);
  assert.equal(sum.endpoints.get('u')?.get('10.0.0.1:80')?.inFlight, 2);
  assert.deepEqual(sum.upstreams.get('u'), upstreamSum(7, 2));
});

function upstreamSum(count: number, reporters: number): UpstreamSum {
  return {
    upstreamId: 'u',
    retries: new Map([['error', count]]),
    reporters,
    budgetExhausted: 2 * count,
    backupRequests: 3 * count,
    pending: reporters,
    rejected: 4 * count,
    queueTimeouts: 5 * count,
    panickingReporters: 0,
    panics: 0,
  };
}

test('updating twice with the same reports counts them once', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3)], anyRoute);
  assert.equal(totals.update([report(1, 3)], anyRoute).accepted, 3);
});

test('what a retired worker counted stays, and what it held does not', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3), report(2, 4)], anyRoute);
  totals.retire(1);
  const sum = totals.update([report(2, 5)], anyRoute);
  assert.equal(sum.accepted, 8);
  assert.equal(sum.refused, 16);
  assert.equal(sum.refusedPerClient, 32);
  assert.equal(sum.acceptErrors, 24);
  assert.equal(sum.activeConnections, 1);
  assert.equal(sum.routes.get('r')?.statusClasses[1], 8);
  assert.equal(sum.endpoints.get('u')?.get('10.0.0.1:80')?.requests, 8);
  assert.deepEqual(sum.upstreams.get('u'), upstreamSum(8, 1));
});

test('a worker that does not answer once keeps its totals', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3), report(2, 4)], anyRoute);
  assert.equal(totals.update([report(2, 4)], anyRoute).accepted, 7);
  assert.equal(totals.update([report(1, 5), report(2, 4)], anyRoute).accepted, 9);
});

test('a new thread under the id of a dead one adds to what the dead one counted', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 10)], anyRoute);
  assert.equal(totals.update([report(1, 2)], anyRoute).accepted, 12);
});

test('retiring a worker that never reported changes nothing', () => {
  const totals = new WorkerTotals();
  totals.retire(7);
  assert.equal(totals.update([], anyRoute).accepted, 0);
});

test('a route that no longer exists is dropped, from what retired workers left too', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3)], anyRoute);
  totals.retire(1);
  assert.equal(totals.update([], { ...anyRoute, hasRoute: () => false }).routes.size, 0);
  assert.equal(totals.update([], anyRoute).routes.size, 0);
});

test('an endpoint that no worker reports any more is dropped, but not while no worker answers', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3)], anyRoute);
  totals.retire(1);
  assert.equal(totals.update([], anyRoute).endpoints.size, 1);
  assert.equal(totals.update([workerStats(2)], anyRoute).endpoints.size, 0);
  assert.equal(totals.update([], anyRoute).endpoints.size, 0);
});

test('health is the share of reporting workers that see the endpoint as healthy', () => {
  const sick = workerStats(2, { endpoints: [endpointRow('u', '10.0.0.1:80', { healthy: false })] });
  const row = new WorkerTotals()
    .update([report(1, 1), sick], anyRoute)
    .endpoints.get('u')
    ?.get('10.0.0.1:80');
  assert.equal(row?.reporters, 2);
  assert.equal(row?.healthyReporters, 1);
});

test('totals never go down, whichever workers answer, die or come back', () => {
  const step = fc.record({
    worker: fc.nat({ max: 3 }),
    more: fc.nat({ max: 5 }),
    event: fc.constantFrom('report', 'silent', 'die' as const),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const totals = new WorkerTotals();
      const counts = new Map<number, number>();
      let before = 0;
      for (const { worker, more, event } of steps) {
        if (event === 'die') {
          totals.retire(worker);
          counts.delete(worker);
        } else counts.set(worker, (counts.get(worker) ?? 0) + more);
        const answering = [...counts].filter(([id]) => event !== 'silent' || id !== worker);
        const sum = totals.update(
          answering.map(([id, count]) => report(id, count)),
          anyRoute,
        );
        assert.ok(sum.accepted >= before);
        assert.equal(sum.routes.get('r')?.statusClasses[1] ?? 0, sum.accepted);
        before = sum.accepted;
      }
    }),
  );
});

test('an upstream that no worker reports any more is forgotten, in what retired workers counted too', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3)], anyRoute);
  totals.retire(1);
  assert.equal(totals.update([workerStats(2)], anyRoute).upstreams.size, 0);
  assert.deepEqual(totals.update([report(2, 4)], anyRoute).upstreams.get('u'), upstreamSum(4, 1));
});

test('a worker that does not tell of an endpoint has nothing to complain of', () => {
  const sick = workerStats(1, { endpoints: [endpointRow('u', '10.0.0.1:80', { healthy: false })] });
  const row = new WorkerTotals()
    .update([sick, workerStats(2)], anyRoute)
    .endpoints.get('u')
    ?.get('10.0.0.1:80');
  assert.deepEqual([row?.reporters, row?.healthyReporters], [2, 1]);
});

test('a worker without a configuration judges nothing', () => {
  const sick = workerStats(1, { endpoints: [endpointRow('u', '10.0.0.1:80', { healthy: false })] });
  const fresh = workerStats(2, { generation: 0 });
  const row = new WorkerTotals().update([sick, fresh], anyRoute).endpoints.get('u')?.get('10.0.0.1:80');
  assert.deepEqual([row?.reporters, row?.healthyReporters], [1, 0]);
  const totals = new WorkerTotals();
  totals.update([report(1, 3)], anyRoute);
  totals.retire(1);
  assert.equal(totals.update([fresh], anyRoute).endpoints.get('u')?.get('10.0.0.1:80')?.requests, 3);
});

test('what is there still and nobody tells of keeps what was counted', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3)], anyRoute);
  totals.retire(1);
  const existing: Existing = { ...anyRoute, hasUpstream: () => true, weightsOf: () => new Map([['10.0.0.1:80', 5]]) };
  const sum = totals.update([workerStats(2)], existing);
  const row = sum.endpoints.get('u')?.get('10.0.0.1:80');
  assert.deepEqual([row?.requests, row?.weight, row?.reporters, row?.healthyReporters], [3, 5, 1, 1]);
  assert.equal(sum.upstreams.get('u')?.backupRequests, 9);
});

test('a worker that dies while others are waited for is not counted twice', () => {
  const totals = new WorkerTotals();
  totals.update([report(1, 3), report(2, 4)], anyRoute);
  const late = [report(1, 5), report(2, 6)];
  totals.retire(1);
  assert.equal(totals.update(late, anyRoute).accepted, 3 + 6);
  assert.equal(totals.update([report(2, 7)], anyRoute).accepted, 3 + 7);
});
