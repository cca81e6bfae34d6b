/** When the probes of an endpoint are due. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { type Alarm, WheelClock } from '../../src/health/probe-clock.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';

/** How much later than due an alarm may ring, where nobody is kept from running. */
const COARSE_MS = 17;

class Ring implements Alarm {
  dueMs: number;
  readonly rangAtMs: number[];
  onRing: () => void;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.dueMs = Number.POSITIVE_INFINITY;
    this.rangAtMs = [];
    this.onRing = () => undefined;
    this.#now = now;
  }

  onAlarm(): void {
    this.rangAtMs.push(this.#now());
    this.onRing();
  }
}

interface Bench {
  readonly clock: WheelClock;
  readonly now: () => number;
  /** Lets time pass, a millisecond after the other. */
  readonly pass: (ms: number) => void;
  /** Time passes, and nothing runs meanwhile. */
  readonly stall: (ms: number) => void;
}

function start(t: TestContext): Bench {
  t.mock.timers.reset();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 1_000_003;
  const now = (): number => nowMs;
  return {
    clock: new WheelClock(now),
    now,
    pass: (ms) => {
      for (let left = ms; left > 0; left--) {
        nowMs++;
        t.mock.timers.tick(1);
      }
    },
    stall: (ms) => {
      nowMs += ms;
      t.mock.timers.tick(ms);
    },
  };
}

test('an alarm rings once after its delay, unless it is cleared or set anew', (t: TestContext) => {
  const { clock, now, pass } = start(t);
  const [kept, cleared, moved] = [new Ring(now), new Ring(now), new Ring(now)];
  clock.set(kept, 1_000);
  clock.set(cleared, 500);
  clock.set(moved, 500);
  clock.clear(cleared);
  clock.clear(cleared);
  clock.set(moved, 2_000);
  const startMs = now();
  pass(999);
  assert.deepEqual([kept.rangAtMs, moved.rangAtMs], [[], []]);
  pass(40_000);
  assert.deepEqual(cleared.rangAtMs, []);
  assert.equal(kept.dueMs, Number.POSITIVE_INFINITY);
  for (const [ring, delayMs] of [
    [kept, 1_000],
    [moved, 2_000],
  ] as const) {
    assert.equal(ring.rangAtMs.length, 1);
    const lateMs = (ring.rangAtMs[0] ?? 0) - startMs - delayMs;
    assert.ok(lateMs >= 0 && lateMs <= COARSE_MS, `${lateMs} ms late`);
  }
});

test('one that rings may clear the others that are due, and set itself', (t: TestContext) => {
  const { clock, now, pass } = start(t);
  const [first, second] = [new Ring(now), new Ring(now)];
  clock.set(first, 100);
  clock.set(second, 100);
  first.onRing = () => {
    clock.clear(second);
    clock.set(first, 0);
    first.onRing = () => undefined;
  };
  pass(200);
  assert.deepEqual([first.rangAtMs.length, second.rangAtMs.length], [2, 0]);
});

test('whatever is set, each alarm rings once, never early and hardly late', (t: TestContext) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ delayMs: fc.integer({ min: -5, max: 60_000 }), afterMs: fc.nat(400) }), { maxLength: 12 }),
      (steps) => {
        const { clock, now, pass } = start(t);
        const rings = steps.map(({ delayMs, afterMs }) => {
          pass(afterMs);
          const ring = new Ring(now);
          clock.set(ring, delayMs);
          return { ring, dueMs: ring.dueMs };
        });
        pass(60_100);
        for (const { ring, dueMs } of rings) {
          assert.equal(ring.rangAtMs.length, 1);
          const lateMs = (ring.rangAtMs[0] ?? 0) - dueMs;
          assert.ok(lateMs >= 0 && lateMs <= COARSE_MS, `${lateMs} ms late`);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('after a stall of the process, what has arrived is read before time limits are enforced', async (t: TestContext) => {
  const { clock, now, stall } = start(t);
  const ring = new Ring(now);
  clock.set(ring, 50);
  stall(30_000);
  assert.deepEqual(ring.rangAtMs, []);
  await eventuallyTrue(() => ring.rangAtMs.length > 0);
  assert.equal(ring.rangAtMs.length, 1);
});

test('an alarm does not keep the process alive', () => {
  const clock = new WheelClock();
  const ring = new Ring(() => 0);
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  clock.set(ring, 60_000);
  const timersAfter = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  clock.clear(ring);
  assert.equal(timersAfter, timersBefore);
});

test('time does not go backwards', () => {
  const clock = new WheelClock();
  const before = clock.nowMs();
  assert.ok(clock.nowMs() >= before);
});
