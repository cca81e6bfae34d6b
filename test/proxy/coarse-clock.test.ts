/** Who is told of a tick, and in which order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoarseClock, type Sweepable, TICK_MS } from '../../src/proxy/coarse-clock.ts';

test('the leader is told first, then all that watch, and nobody who has left', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const clock = new CoarseClock();
  t.after(() => clock.close());
  const told: string[] = [];
  const teller = (name: string): Sweepable => ({ onTick: () => void told.push(name) });
  clock.watch(teller('a'));
  const gone = clock.watch(teller('gone'));
  clock.lead(teller('leader'));
  clock.watch(teller('b'));
  gone.leave();
  t.mock.timers.tick(TICK_MS);
  assert.equal(told[0], 'leader');
  assert.deepEqual(told.toSorted(), ['a', 'b', 'leader']);
});
