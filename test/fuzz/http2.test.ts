/** The fuzzer on HTTP/2 sessions as a test: a short run with a fixed seed finds nothing. Long runs: `npm run test:fuzz`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz-loop.ts';
import { HTTP2_SEEDS } from './http2-program.ts';
import { Http2Target } from './http2-target.ts';

const SEED = 20_260_102;
const EXECUTIONS = 6_000;

test('every seed is judged the same in any split', () => {
  const target = new Http2Target();
  for (const seed of HTTP2_SEEDS) {
    const finding = target.judgeThoroughly(seed);
    assert.notEqual(finding.kind, 'failure', `${finding.label}\n${target.readings}`);
  }
});

test(`${EXECUTIONS} made sequences of frames break no rule`, () => {
  const limits = { seconds: Number.POSITIVE_INFINITY, executions: EXECUTIONS };
  const report = fuzz(new Http2Target(), HTTP2_SEEDS, SEED, limits);
  const failures = report.failures.map(
    ({ label, reproducer, readings }) => `${label}: ${JSON.stringify(reproducer.toString('latin1'))}\n${readings}`,
  );
  assert.deepEqual(failures, []);
  assert.equal(report.executions, EXECUTIONS);
});
