/** What is logged of changes, and how little when there are thousands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransitionLog } from '../../src/health/transition-log.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { ManualClock } from './manual-clock.ts';

function change(index: number, healthy: boolean): Parameters<TransitionLog['add']>[0] {
  return { upstreamId: 'u', endpointId: `10.0.0.${index}:80`, healthy, reason: healthy ? '' : 'status 500' };
}

test('beyond a hundred lines in ten seconds changes are only counted, and the count is said', () => {
  const logger = new RecordingLogger();
  const clock = new ManualClock();
  const log = new TransitionLog(logger, clock);
  for (let index = 0; index < 250; index++) log.add(change(index, index % 5 === 0), 2);
  assert.equal(logger.lines.length, 100);
  assert.equal(clock.nextDueMs, 10_000);
  clock.runNext();
  assert.deepEqual(logger.lines.slice(100), [
    { level: 'warn', message: 'more endpoints changed', fields: { healthy: 30, unhealthy: 120 } },
  ]);
  log.add(change(1, false), 3);
  assert.deepEqual(logger.lines[101]?.fields, {
    upstream: 'u',
    endpoint: '10.0.0.1:80',
    reason: 'status 500',
    consecutive: 3,
  });
  assert.equal(clock.pending, 0);
});

test('what was counted so far is said at the end', () => {
  const logger = new RecordingLogger();
  const clock = new ManualClock();
  const log = new TransitionLog(logger, clock);
  for (let index = 0; index < 101; index++) log.add(change(index, true), 2);
  log.flush();
  log.flush();
  assert.deepEqual(logger.lines.slice(100), [
    { level: 'warn', message: 'more endpoints changed', fields: { healthy: 1, unhealthy: 0 } },
  ]);
  assert.equal(clock.pending, 0);
});
