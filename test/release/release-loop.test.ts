/** How releases move: who takes steps, when, what is stored first, and what happens at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figures, HEALTHY, MINUTE_MS, NO_GATES, releaseState, side } from '../support/release.ts';
import { ReleaseHarness } from '../support/release-harness.ts';

const SHORT = [
  { percent: 10, holdMs: 10_000 },
  { percent: 50, holdMs: 10_000 },
  { percent: 100, holdMs: 0 },
];
const BAD = figures(side(9_500, 0), side(500, 50));

async function begun(): Promise<ReleaseHarness> {
  const harness = new ReleaseHarness();
  await harness.use({ steps: SHORT });
  return harness;
}

test('without a release there is no timer', async () => {
  const harness = new ReleaseHarness();
  harness.withdraw();
  assert.equal(harness.clock.pending, 0);
});

test('a plan begins at once and goes to its end, one stored state after the other, and then the timer ends', async () => {
  const harness = await begun();
  assert.equal(harness.stage, 'running 0');
  assert.equal(harness.status.percent, 10);
  harness.count(HEALTHY);
  await harness.pass(9_000);
  assert.equal(harness.stage, 'running 0');
  assert.equal(harness.status.waitsFor, 'time');
  await harness.pass(2_000);
  assert.equal(harness.stage, 'running 1');
  assert.equal(harness.status.sides.canary.requests, 0);
  harness.count(HEALTHY);
  await harness.pass(11_000);
  assert.equal(harness.stage, 'completed 2');
  assert.equal(harness.status.percent, 100);
  assert.deepEqual(
    harness.transitions.map(({ reason, note }) => `${reason}: ${note}`),
    ['CanaryStarted: step 1 of 3, 10 %', 'CanaryStepped: step 2 of 3, 50 %', 'CanaryCompleted: step 3 of 3, 100 %'],
  );
  await harness.pass(16_000);
  assert.equal(harness.clock.pending, 0);
  assert.equal(harness.status.sides.canary.totalRequests, 1_000);
});

test('a step waits for requests, and says so', async () => {
  const harness = await begun();
  await harness.pass(15_000);
  assert.equal(harness.stage, 'running 0');
  assert.equal(harness.status.waitsFor, 'requests');
});

test('a bad canary is stopped within a second and the stop is stored', async () => {
  const harness = await begun();
  await harness.pass(3_000);
  harness.count(BAD);
  await harness.pass(1_000);
  assert.equal(harness.stage, 'aborted 0');
  assert.equal(harness.status.percent, 0);
  assert.equal(harness.status.stored, true);
  assert.match(harness.status.state?.reason ?? '', /^errors: 10 % of 500 requests/);
  assert.equal(harness.transitions.at(-1)?.severity, 'warning');
  await harness.pass(5_000);
  assert.equal(harness.clock.pending, 0);
});

test('a step that cannot be stored is not taken, is tried again, and is said once', async () => {
  const harness = await begun();
  harness.fault = 'read-only file system';
  harness.count(HEALTHY);
  await harness.pass(30_000);
  assert.equal(harness.stage, 'running 0');
  assert.equal(harness.status.waitsFor, 'the state cannot be stored: read-only file system');
  const complaints = harness.logger.messages().filter((text) => text === 'state of a release could not be stored');
  assert.equal(complaints.length, 1);
  harness.fault = '';
  await harness.pass(3_000);
  assert.equal(harness.stage, 'running 1');
});

test('a stop that cannot be stored is in force all the same, and stored later', async () => {
  const harness = await begun();
  harness.fault = 'away';
  harness.count(BAD);
  await harness.pass(1_000);
  assert.equal(harness.stage, 'aborted 0');
  assert.equal(harness.status.stored, false);
  await harness.pass(10_000);
  harness.fault = '';
  await harness.pass(3_000);
  assert.equal(harness.status.stored, true);
  assert.equal(harness.stored.at(-1)?.phase, 'aborted');
  assert.equal(harness.clock.pending, 0);
});

test('who does not decide begins nothing and takes no step', async () => {
  const harness = new ReleaseHarness();
  harness.decides = false;
  await harness.use({ steps: SHORT });
  await harness.pass(5_000);
  assert.equal(harness.stage, '');
  await harness.use({ state: releaseState() });
  harness.count(HEALTHY);
  await harness.pass(60_000);
  assert.equal(harness.stage, 'running 0');
  assert.deepEqual(harness.stored, []);
});

test('who does not decide stops a bad canary for itself, tells the others, and stores it once it decides', async () => {
  const harness = new ReleaseHarness();
  harness.decides = false;
  await harness.use({ steps: SHORT, state: releaseState() });
  harness.count(BAD);
  await harness.pass(1_000);
  assert.equal(harness.stage, 'aborted 0');
  assert.equal(harness.status.stored, false);
  assert.match(harness.told[0]?.stopped ?? '', /^errors/);
  assert.equal(harness.stored.length, 0);
  harness.decides = true;
  await harness.pass(1_000);
  assert.equal(harness.stored[0]?.phase, 'aborted');
});

test('what was stopped here stays so, whatever step is stored by somebody who does not know', async () => {
  const harness = new ReleaseHarness();
  harness.decides = false;
  await harness.use({ steps: SHORT, state: releaseState() });
  harness.count(BAD);
  await harness.pass(1_000);
  await harness.use({ state: releaseState({ step: 1, changedAt: releaseState().changedAt + 60_000 }) });
  assert.equal(harness.stage, 'aborted 0');
});

test('figures of other replicas count, for the same step only', async () => {
  const harness = await begun();
  const told = { revision: 'a1', step: 0, figures: HEALTHY, stopped: '' };
  harness.heard = [told, { ...told, step: 1 }, { ...told, revision: 'b2' }];
  await harness.pass(1_000);
  assert.equal(harness.status.sides.canary.requests, 500);
  assert.equal(harness.status.sides.canary.totalRequests, 0);
  assert.deepEqual(harness.status.replicas, { counted: 1, silent: 0 });
  await harness.pass(10_000);
  assert.equal(harness.stage, 'running 1');
});

test('what another replica has stopped is stopped for all, in whatever step it was', async () => {
  const harness = await begun();
  harness.heard = [{ revision: 'a1', step: 5, figures: HEALTHY, stopped: 'errors there' }];
  await harness.pass(1_000);
  assert.equal(harness.stage, 'aborted 0');
  assert.equal(harness.stored.at(-1)?.reason, 'errors there');
});

test('news of a stop that come late are heard as well, shortly after the end', async () => {
  const harness = await begun();
  await harness.use({ command: { kind: 'promote', step: 2 } });
  assert.equal(harness.stage, 'completed 2');
  await harness.pass(5_000);
  harness.heard = [{ revision: 'a1', step: 0, figures: HEALTHY, stopped: 'errors there' }];
  await harness.pass(1_000);
  assert.equal(harness.stage, 'aborted 2');
});

test('a stop that nobody takes up gives way to the end of the release, for stable may be gone then', async () => {
  const harness = new ReleaseHarness();
  harness.decides = false;
  await harness.use({ steps: SHORT, state: releaseState() });
  harness.count(BAD);
  await harness.pass(1_000);
  const end = releaseState({ phase: 'completed', step: 2, changedAt: releaseState().changedAt + 60_000 });
  await harness.use({ state: end });
  await harness.pass(20_000);
  assert.equal(harness.stage, 'aborted 0');
  await harness.pass(12_000);
  assert.equal(harness.stage, 'completed 2');
  assert.equal(harness.status.stored, true);
  assert.equal(harness.logger.messages().filter((text) => text.startsWith('canary goes on')).length, 1);
  await harness.pass(60_000);
  assert.equal(harness.clock.pending, 0);
});

test('whoever decides stores its stop over the end instead', async () => {
  const harness = new ReleaseHarness();
  harness.decides = false;
  await harness.use({ steps: SHORT, state: releaseState() });
  harness.count(BAD);
  await harness.pass(1_000);
  await harness.use({ state: releaseState({ phase: 'completed', step: 2 }) });
  harness.decides = true;
  await harness.pass(40_000);
  assert.equal(harness.stored.at(-1)?.phase, 'aborted');
  assert.equal(harness.stage, 'aborted 0');
});

test('what it tells is void when nothing is under way, and when it ends', async () => {
  const harness = await begun();
  await harness.pass(1_000);
  assert.equal(harness.told.length, 1);
  harness.withdraw();
  await harness.pass(2_000);
  assert.equal(harness.told.length, 0);
  await harness.use({});
  await harness.pass(1_000);
  assert.equal(harness.told.length, 1);
  harness.loop.close();
  assert.equal(harness.told.length, 0);
  assert.equal(harness.clock.pending, 0);
});

test('commands are obeyed without waiting for the next second', async () => {
  const harness = await begun();
  await harness.use({ command: { kind: 'pause' } });
  assert.equal(harness.stage, 'paused 0');
  await harness.pass(20_000);
  assert.equal(harness.status.waitsFor, 'command');
  await harness.use({ command: null });
  assert.equal(harness.stage, 'running 0');
  await harness.use({ command: { kind: 'promote', step: 1 } });
  assert.equal(harness.stage, 'running 1');
  await harness.use({ command: { kind: 'abort' } });
  assert.equal(harness.stage, 'aborted 1');
  assert.deepEqual(
    harness.transitions.map(({ reason }) => reason),
    ['CanaryStarted', 'CanaryPaused', 'CanaryResumed', 'CanaryStepped', 'CanaryAborted'],
  );
});

test('who does not decide leaves the command to abort to the compiler, which obeys it at once', async () => {
  const harness = new ReleaseHarness();
  harness.decides = false;
  await harness.use({ steps: SHORT, state: releaseState(), command: { kind: 'abort' } });
  await harness.pass(2_000);
  assert.equal(harness.stage, 'running 0');
  assert.equal(harness.status.percent, 0);
  assert.equal(harness.told[0]?.stopped, '');
});

test('another revision begins anew, also after an abort', async () => {
  const harness = await begun();
  await harness.use({ command: { kind: 'abort' } });
  await harness.use({ command: null, revision: 'b2' });
  assert.equal(harness.stage, 'running 0');
  assert.equal(harness.stored.at(-1)?.revision, 'b2');
});

test('a clock that is set back holds nothing up: the step lasts from then on, and is said once', async () => {
  const harness = await begun();
  harness.count(HEALTHY);
  harness.skewMs = -60 * MINUTE_MS;
  await harness.pass(5_000);
  assert.equal(harness.transitions.length, 1);
  assert.equal(harness.stored.length, 2);
  await harness.pass(6_000);
  assert.equal(harness.stage, 'running 1');
  harness.skewMs = -120 * MINUTE_MS;
  await harness.use({ command: { kind: 'pause' } });
  assert.equal(harness.stage, 'paused 1');
  await harness.use({ command: null, revision: 'b2' });
  assert.equal(harness.stage, 'running 0');
  const before = harness.stored.length;
  await harness.pass(3_000);
  assert.equal(harness.stored.length, before);
});

test('a clock that is set back while a state cannot be stored does not put off the next attempt', async () => {
  const harness = await begun();
  harness.fault = 'away';
  harness.count(BAD);
  await harness.pass(1_000);
  harness.fault = '';
  harness.skewMs = -60 * MINUTE_MS;
  await harness.pass(3_000);
  assert.equal(harness.status.stored, true);
});

test('a canary without endpoints waits, and one that expires is stopped', async () => {
  const harness = new ReleaseHarness();
  await harness.use({ steps: SHORT, expiresAfterMs: MINUTE_MS }, []);
  await harness.pass(5_000);
  assert.equal(harness.stage, '');
  assert.equal(harness.status.waitsFor, 'endpoints');
  await harness.use({});
  assert.equal(harness.stage, 'running 0');
  await harness.pass(MINUTE_MS + 2_000);
  assert.equal(harness.stage, 'expired 0');
  assert.equal(harness.status.percent, 0);
});

test('a canary that is only named has nothing to decide, and no timer', async () => {
  const harness = new ReleaseHarness();
  await harness.use({ steps: [], gates: NO_GATES });
  await harness.pass(2_000);
  assert.equal(harness.status.percent, null);
  assert.equal(harness.clock.pending, 0);
});

test('figures that cannot be had cost a second and nothing else', async () => {
  const harness = await begun();
  const { totals } = harness;
  Object.defineProperty(harness, 'totals', {
    configurable: true,
    get: () => {
      throw new Error('no answer');
    },
  });
  await harness.pass(2_000);
  assert.ok(harness.logger.messages().includes('releases could not be judged'));
  Object.defineProperty(harness, 'totals', { value: totals, writable: true });
  harness.count(HEALTHY);
  await harness.pass(11_000);
  assert.equal(harness.stage, 'running 1');
});
