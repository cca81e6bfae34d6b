/** Long work of a worker leaves turns to requests, and comes to the same end as all at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers';
import { takeTurns } from '../../src/cli/take-turns.ts';
import { type Steps, takeAll } from '../../src/model/steps.ts';

/** A step so long that no other fits into the same turn. */
function* longWork(steps: number, onStep: (step: number) => void): Steps<string> {
  for (let step = 1; step <= steps; step++) {
    const untilMs = performance.now() + 1;
    while (performance.now() < untilMs);
    onStep(step);
    yield;
  }
  return 'done';
}

test('what came meanwhile has its turn after each long step', async () => {
  const seen: string[] = [];
  const work = takeTurns(
    longWork(3, (step) => {
      seen.push(`step ${step}`);
      setImmediate(() => seen.push(`request ${step}`));
    }),
    () => seen.push('turn'),
  );
  assert.equal(await work, 'done');
  const wanted = [1, 2, 3].flatMap((step) => [`step ${step}`, `request ${step}`, 'turn']);
  assert.deepEqual(seen.toSorted(), wanted.toSorted());
  assert.ok(seen.indexOf('request 1') < seen.indexOf('step 2'));
  assert.ok(seen.indexOf('request 2') < seen.indexOf('step 3'));
});

test('what the work throws is thrown, in whichever turn', async () => {
  const work = longWork(3, (step) => {
    if (step === 2) throw new Error('no such upstream');
  });
  await assert.rejects(
    takeTurns(work, () => undefined),
    /no such upstream/,
  );
});

test('all at once leaves nobody a turn', () => {
  const seen: string[] = [];
  const result = takeAll(
    longWork(2, (step) => {
      seen.push(`step ${step}`);
      setImmediate(() => seen.push('request'));
    }),
  );
  assert.equal(result, 'done');
  assert.deepEqual(seen, ['step 1', 'step 2']);
});
