/** When the probes of an endpoint are due. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { Alarm, WheelClock } from '../../src/health/probe-clock.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';

/** How much later than due an alarm may ring, where nobody is kept from running. */
const COARSE_MS = 17;

class Ring extends Alarm {
  readonly rangAtMs: number[];
  onRing: () => void;
  readonly #now: () => number;

  constructor(now: () => number) {
    super();
    this.rangAtMs = [];
    this.onRing = () => undefined;
    this.#now = now;
  }

  override onAlarm(): void {
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
  const startMs = now();
  clock.set(kept, startMs + 1_000);
  clock.set(cleared, startMs + 500);
  clock.set(moved, startMs + 500);
  clock.clear(cleared);
  clock.clear(cleared);
  clock.set(moved, startMs + 2_000);
  pass(999);
  assert.deepEqual([kept.rangAtMs, moved.rangAtMs], [[], []]);
  pass(40_000);
  assert.deepEqual(cleared.rangAtMs, []);
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
  clock.set(first, now() + 100);
  clock.set(second, now() + 100);
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
          const dueMs = now() + Math.max(0, delayMs);
          clock.set(ring, now() + delayMs);
          return { ring, dueMs };
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

test('who does not mind rings together with others, once, and near enough', (t: TestContext) => {
  const { clock, now, pass } = start(t);
  const rings = Array.from({ length: 300 }, (_, index) => {
    const ring = new Ring(now);
    const dueMs = now() + 100 + index * 7;
    clock.setRoughly(ring, dueMs);
    return { ring, dueMs };
  });
  pass(2_500);
  const times = new Set(rings.map(({ ring }) => ring.rangAtMs[0]));
  assert.ok(times.size <= 2_200 / 64 + 1, `woke up ${times.size} times`);
  for (const { ring, dueMs } of rings) {
    assert.equal(ring.rangAtMs.length, 1);
    const offMs = Math.abs((ring.rangAtMs[0] ?? 0) - dueMs);
    assert.ok(offMs <= 33, `${offMs} ms off`);
  }
});

test('what is due in the past rings at once, also when it is set by one that rings', (t: TestContext) => {
  const { clock, now, pass } = start(t);
  const [first, other] = [new Ring(now), new Ring(now)];
  clock.set(other, now() + 10_000);
  clock.setRoughly(first, now() - 1_000);
  let left = 3;
  first.onRing = () => {
    if (left-- > 0) clock.setRoughly(first, now() - 40);
  };
  pass(100);
  assert.equal(first.rangAtMs.length, 4);
  pass(10_000);
  assert.deepEqual([first.rangAtMs.length, other.rangAtMs.length], [4, 1]);
});

test('after a stall of the process, what has arrived is read before time limits are enforced', async (t: TestContext) => {
  const { clock, now, stall } = start(t);
  const ring = new Ring(now);
  clock.set(ring, now() + 50);
  stall(30_000);
  assert.deepEqual(ring.rangAtMs, []);
  await eventuallyTrue(() => ring.rangAtMs.length > 0);
  assert.equal(ring.rangAtMs.length, 1);
});

test('an alarm does not keep the process alive', () => {
  const clock = new WheelClock();
  const ring = new Ring(() => 0);
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  clock.set(ring, clock.nowMs() + 60_000);
  const timersAfter = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  clock.clear(ring);
  assert.equal(timersAfter, timersBefore);
});

test('time does not go backwards', () => {
  const clock = new WheelClock();
  const before = clock.nowMs();
  assert.ok(clock.nowMs() >= before);
});
