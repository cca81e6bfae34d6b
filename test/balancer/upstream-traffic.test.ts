/** What an upstream makes of its settings for traffic: shares of limits, and what is counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamTraffic } from '../../src/balancer/upstream-traffic.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';

const LIMITS = { ...DEFAULT_UPSTREAM_POLICY.limits, maxRequests: 10, maxConnectionsPerEndpoint: 2, maxPending: 5 };

test('a worker gets its share of each limit, rounded up, and none of no limit', () => {
  const traffic = new UpstreamTraffic();
  traffic.use({ ...DEFAULT_UPSTREAM_POLICY, limits: LIMITS }, 4);
  assert.deepEqual(traffic.admission?.limits, {
    maxRequests: 3,
    maxConnections: 0,
    maxRequestsPerEndpoint: 0,
    maxConnectionsPerEndpoint: 1,
    maxPending: 2,
    pendingTimeoutMs: 5_000,
  });
});

test('without limits there is no line; taking them away keeps the line for those in it', () => {
  const unlimited = new UpstreamTraffic();
  unlimited.use(DEFAULT_UPSTREAM_POLICY, 1);
  assert.equal(unlimited.admission, null);
  const traffic = new UpstreamTraffic();
  traffic.use({ ...DEFAULT_UPSTREAM_POLICY, limits: LIMITS }, 1);
  const line = traffic.admission ?? assert.fail();
  traffic.use(DEFAULT_UPSTREAM_POLICY, 1);
  assert.equal(traffic.admission, line);
  assert.equal(line.limits.maxRequests, 0);
});

test('a new budget counts at once, and retries are counted by reason', () => {
  const traffic = new UpstreamTraffic();
  traffic.use({ ...DEFAULT_UPSTREAM_POLICY, retryBudget: { percent: 0, perSecond: 0 } }, 1);
  assert.equal(traffic.budget.spend(1), -1);
  for (const reason of ['error', 'stale', 'error'] as const) traffic.countRetry(reason);
  assert.deepEqual(traffic.retries, { error: 2, stale: 1 });
});
