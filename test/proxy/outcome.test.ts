/** What the end of an attempt says about its endpoint. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptResult, isFailure } from '../../src/balancer/attempt-result.ts';
import { Outcome, outcomeOfDial, toAttemptResult } from '../../src/proxy/outcome.ts';

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

function dial(code: string): Outcome {
  return outcomeOfDial(Object.assign(new Error(`connect ${code}`), { code }));
}

test('a connection that this machine could not open says nothing about the endpoint', () => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']) {
    assert.equal(dial(code), Outcome.LocalShortage, code);
  }
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EPROTO']) {
    assert.equal(dial(code), Outcome.ConnectFailed, code);
  }
  assert.equal(dial('ETIMEDOUT'), Outcome.ConnectTimeout);
  assert.equal(outcomeOfDial(null), Outcome.ConnectFailed);
});
