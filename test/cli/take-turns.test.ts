/** Long work of a worker leaves turns to requests, and comes to the same end as all at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers';
import { takeTurns } from '../../src/cli/take-turns.ts';
import { type Steps, takeAll } from '../../src/model/steps.ts';

/** In milliseconds, moved by hand. */
class Watch {
  nowMs = 0;
  readonly read = (): number => this.nowMs;
}

function* work(steps: number, onStep: (step: number) => void): Steps<string> {
  for (let step = 1; step <= steps; step++) {
    onStep(step);
    yield;
  }
  return 'done';
}

function breakDown(): void {
  throw new Error('a writer is broken');
}

test('what came meanwhile has its turn after each long step', async () => {
  const watch = new Watch();
  const seen: string[] = [];
  const steps = work(3, (step) => {
    watch.nowMs += 1;
    seen.push(`step ${step}`);
    setImmediate(() => seen.push(`request ${step}`));
  });
  assert.equal(await takeTurns(steps, () => seen.push('turn'), watch.read), 'done');
  assert.deepEqual(
    seen,
    [1, 2, 3].flatMap((step) => [`step ${step}`, `request ${step}`, 'turn']),
  );
});

test('short steps share a piece', async () => {
  const watch = new Watch();
  const seen: string[] = [];
  const steps = work(5, (step) => {
    watch.nowMs += 0.1;
    seen.push(`step ${step}`);
  });
  await takeTurns(steps, () => seen.push('turn'), watch.read);
  assert.deepEqual(seen, ['step 1', 'step 2', 'step 3', 'turn', 'step 4', 'step 5']);
});

test('the longer a turn takes others, the longer the piece after it', async () => {
  const watch = new Watch();
  const seen: string[] = [];
  const steps = work(10, () => {
    watch.nowMs += 1;
    seen.push('step');
    setImmediate(() => {
      watch.nowMs += 8;
    });
  });
  await takeTurns(steps, () => seen.push('turn'), watch.read);
  // The first turn is one request of 8 ms: half of it is four steps, whose requests make the next turn longer still.
  assert.deepEqual(seen.join(' '), `step turn ${'step '.repeat(4)}turn ${'step '.repeat(5)}`.trim());
});

test('what the work throws is thrown, in whichever turn', async () => {
  const watch = new Watch();
  const steps = work(3, (step) => {
    watch.nowMs += 1;
    if (step === 2) throw new Error('no such upstream');
  });
  await assert.rejects(
    takeTurns(steps, () => undefined, watch.read),
    /no such upstream/,
  );
});

test('who throws in a turn ends the work, which can still tidy up', async () => {
  const watch = new Watch();
  let tidied = false;
  const steps = function* (): Steps<string> {
    try {
      return yield* work(3, () => {
        watch.nowMs += 1;
      });
    } catch (error) {
      tidied = true;
      throw error;
    }
  };
  await assert.rejects(takeTurns(steps(), breakDown, watch.read), /a writer is broken/);
  assert.ok(tidied);
});

test('all at once leaves nobody a turn', () => {
  const seen: string[] = [];
  const steps = work(2, (step) => {
    seen.push(`step ${step}`);
    setImmediate(() => seen.push('request'));
  });
  assert.equal(takeAll(steps), 'done');
  assert.deepEqual(seen, ['step 1', 'step 2']);
});
