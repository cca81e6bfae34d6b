/** What the end of an attempt says about its endpoint. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptResult, isFailure } from '../../src/balancer/attempt-result.ts';
import { Outcome, toAttemptResult } from '../../src/proxy/outcome.ts';

const FAILURES: Partial<Record<Outcome, AttemptResult>> = {
  [Outcome.ConnectFailed]: AttemptResult.ConnectFailed,
  [Outcome.ConnectTimeout]: AttemptResult.ConnectFailed,
  [Outcome.ResponseTimeout]: AttemptResult.Timeout,
  [Outcome.UpstreamClosed]: AttemptResult.Reset,
  [Outcome.UpstreamInvalid]: AttemptResult.Reset,
  [Outcome.UpstreamTruncated]: AttemptResult.Reset,
};

test('only what the endpoint did counts against it', () => {
  for (const outcome of Object.values(Outcome)) {
    const expected = FAILURES[outcome] ?? AttemptResult.Neutral;
    assert.equal(toAttemptResult(outcome), expected, outcome);
    assert.equal(isFailure(toAttemptResult(outcome)), expected !== AttemptResult.Neutral, outcome);
  }
  assert.deepEqual([isFailure(AttemptResult.Ok), isFailure(AttemptResult.ServerError)], [false, true]);
});
