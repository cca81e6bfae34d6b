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

interface Course {
  readonly steps: number;
  readonly stepMs: number;
  /** That comes in each step, and takes so long in the turn after it. Null = nothing comes. */
  readonly requestMs: number | null;
}

/** What happens, one after the other. */
async function take({ steps, stepMs, requestMs }: Course): Promise<string> {
  const watch = new Watch();
  const seen: string[] = [];
  const onStep = (step: number): void => {
    watch.nowMs += stepMs;
    seen.push(`step ${step}`);
    if (requestMs === null) return;
    setImmediate(() => {
      watch.nowMs += requestMs;
      seen.push(`request ${step}`);
    });
  };
  assert.equal(await takeTurns(work(steps, onStep), () => seen.push('turn'), watch.read), 'done');
  return seen.join(', ');
}

function breakDown(): void {
  throw new Error('a writer is broken');
}

test('what came meanwhile has its turn after each long step', async () => {
  const seen = await take({ steps: 3, stepMs: 1, requestMs: 0 });
  assert.equal(seen, [1, 2, 3].map((step) => `step ${step}, request ${step}, turn`).join(', '));
});

test('short steps share a piece', async () => {
  const seen = await take({ steps: 5, stepMs: 0.1, requestMs: null });
  assert.equal(seen, 'step 1, step 2, step 3, turn, step 4, step 5');
});

test('the longer a turn takes others, the longer the piece after it', async () => {
  const seen = await take({ steps: 6, stepMs: 1, requestMs: 8 });
  const requests = 'request 2, request 3, request 4, request 5';
  // Half of the 8 ms of the first request is four steps.
  assert.equal(seen, `step 1, request 1, turn, step 2, step 3, step 4, step 5, ${requests}, turn, step 6`);
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
