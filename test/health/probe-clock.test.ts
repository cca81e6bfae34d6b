/** When the probes of an endpoint are due. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemProbeClock } from '../../src/health/probe-clock.ts';

test('what is scheduled runs once after the delay, unless it is cancelled', (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ran: string[] = [];
  systemProbeClock.schedule(1_000, () => ran.push('kept'));
  const cancel = systemProbeClock.schedule(500, () => ran.push('cancelled'));
  cancel();
  t.mock.timers.tick(999);
  assert.deepEqual(ran, []);
  t.mock.timers.tick(5_000);
  assert.deepEqual(ran, ['kept']);
});

test('a scheduled run does not keep the process alive', () => {
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const cancel = systemProbeClock.schedule(60_000, () => assert.fail('never due'));
  const timersAfter = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  cancel();
  assert.equal(timersAfter, timersBefore);
});

test('time does not go backwards', () => {
  const before = systemProbeClock.nowMs();
  assert.ok(systemProbeClock.nowMs() >= before);
});
