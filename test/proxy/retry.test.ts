/** Which failed attempts may be repeated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../src/proxy/outcome.ts';
import { mayRetry } from '../../src/proxy/retry.ts';

const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
const OTHERS = ['POST', 'PATCH', 'get', 'LOCK', 'X'];

test('a connection that could not be made is tried again for every method', () => {
  for (const method of [...IDEMPOTENT, ...OTHERS]) {
    for (const outcome of [Outcome.ConnectFailed, Outcome.ConnectTimeout]) {
      assert.equal(mayRetry(method, outcome, false), true, `${method} ${outcome}`);
    }
  }
});

test('once a byte was sent, only idempotent methods are tried again', () => {
  for (const outcome of [Outcome.UpstreamClosed, Outcome.ResponseTimeout]) {
    for (const method of IDEMPOTENT) assert.equal(mayRetry(method, outcome, true), true, `${method} ${outcome}`);
    for (const method of OTHERS) assert.equal(mayRetry(method, outcome, true), false, `${method} ${outcome}`);
  }
});

test('what the back end answered, and what the client did, is never tried again', () => {
  const final = Object.values(Outcome).filter(
    (outcome) =>
      !(
        outcome === Outcome.ConnectFailed ||
        outcome === Outcome.ConnectTimeout ||
        outcome === Outcome.UpstreamClosed ||
        outcome === Outcome.ResponseTimeout
      ),
  );
  assert.ok(final.length > 5);
  for (const outcome of final) {
    for (const sent of [true, false]) assert.equal(mayRetry('GET', outcome, sent), false, outcome);
  }
});
