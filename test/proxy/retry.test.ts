/** Which failed attempts may be repeated, as a table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ROUTE_POLICY, RETRY_CONDITIONS, type RoutePolicy } from '../../src/model/route-policy.ts';
import { Outcome } from '../../src/proxy/outcome.ts';
import { conditionOf, conditionOfStatus, mayRetry } from '../../src/proxy/retry.ts';

const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
const OTHERS = ['POST', 'PATCH', 'get', 'LOCK', 'X'];

function policy(part: Partial<RoutePolicy>): RoutePolicy {
  return { ...DEFAULT_ROUTE_POLICY, ...part };
}

test('what was not sent is tried again for every method', () => {
  for (const method of [...IDEMPOTENT, ...OTHERS]) {
    for (const condition of ['error', 'timeout'] as const) {
      assert.equal(mayRetry(DEFAULT_ROUTE_POLICY, method, condition, false), true, `${method} ${condition}`);
    }
  }
});

test('once a byte was sent, methods that are not idempotent are tried again only where the route says so', () => {
  for (const condition of RETRY_CONDITIONS) {
    const usual = policy({ retryOn: RETRY_CONDITIONS });
    const all = policy({ retryOn: RETRY_CONDITIONS, retryNonIdempotent: true });
    for (const method of IDEMPOTENT) assert.equal(mayRetry(usual, method, condition, true), true, method);
    for (const method of OTHERS) {
      assert.equal(mayRetry(usual, method, condition, true), false, method);
      assert.equal(mayRetry(all, method, condition, true), true, method);
    }
  }
});

test('only what the route names is tried again', () => {
  for (const condition of RETRY_CONDITIONS) {
    for (const named of RETRY_CONDITIONS) {
      assert.equal(mayRetry(policy({ retryOn: [named] }), 'GET', condition, false), condition === named);
    }
    assert.equal(mayRetry(policy({ retryOn: [] }), 'GET', condition, false), false);
  }
});

test('outcomes and statuses count under the words of the dialect; what clients do, and cut responses, never', () => {
  const conditions = new Map(Object.values(Outcome).map((outcome) => [outcome, conditionOf(outcome)]));
  const named = [...conditions].filter(([, condition]) => condition !== null);
  assert.deepEqual(Object.fromEntries(named), {
    [Outcome.ConnectFailed]: 'error',
    [Outcome.LocalShortage]: 'error',
    [Outcome.UpstreamClosed]: 'error',
    [Outcome.ConnectTimeout]: 'timeout',
    [Outcome.ResponseTimeout]: 'timeout',
    [Outcome.UpstreamInvalid]: 'invalid_header',
  });
  const statuses = Array.from({ length: 600 }, (_, status) => conditionOfStatus(status)).filter((one) => one !== null);
  assert.deepEqual(
    statuses.toSorted(),
    RETRY_CONDITIONS.filter((condition) => condition.startsWith('http_')).toSorted(),
  );
});
