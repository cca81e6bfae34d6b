/** The line in front of an upstream: order, leaving, limits of number and time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission, type Place, type Ticked, type TickSource, type Waiter } from '../../src/balancer/admission.ts';
import { Roster, type RosterEntry } from '../../src/model/roster.ts';
import { DEFAULT_UPSTREAM_POLICY, type UpstreamLimits } from '../../src/model/upstream-policy.ts';

class Clock implements TickSource {
  nowMs = 0;
  readonly watched = new Roster<Ticked>();

  watch(ticked: Ticked): RosterEntry<Ticked> {
    return this.watched.add(ticked);
  }

  pass(durationMs: number): void {
    this.nowMs += durationMs;
    this.watched.forEach((ticked) => ticked.onTick(this.nowMs));
  }
}

/** An upstream with `room`, and requests that say what became of them. */
class Rig {
  readonly clock = new Clock();
  readonly admission: Admission;
  readonly events: string[] = [];
  room = 0;

  constructor(maxPending: number, pendingTimeoutMs: number) {
    this.admission = new Admission({ ...DEFAULT_UPSTREAM_POLICY.limits, maxPending, pendingTimeoutMs });
  }

  join(name: string): Place | null {
    const waiter: Waiter = {
      onRoom: () => {
        if (this.room === 0) return false;
        this.room--;
        this.admission.leave(place as Place);
        this.events.push(`in ${name}`);
        return true;
      },
      onSentAway: (overdue) => this.events.push(`${overdue ? 'out' : 'cut'} ${name}`),
    };
    const place = this.admission.join(waiter, this.clock);
    return place;
  }

  use(part: Partial<UpstreamLimits>): void {
    this.admission.limits = { ...this.admission.limits, ...part };
  }
}

test('who came first is let in first, as many as there is room for', () => {
  const rig = new Rig(10, 1_000);
  for (const name of ['a', 'b', 'c']) rig.join(name);
  rig.room = 2;
  rig.admission.admit();
  assert.deepEqual(rig.events, ['in a', 'in b']);
  assert.equal(rig.admission.waiting, 1);
});

test('no more than the limit may wait, and each that could not is counted', () => {
  const rig = new Rig(2, 1_000);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => rig.join(name) !== null),
    [true, true, false, false],
  );
  assert.deepEqual([rig.admission.waiting, rig.admission.rejected], [2, 2]);
});

test('anyone may leave from anywhere, and makes room in the line', () => {
  const rig = new Rig(4, 1_000);
  const [a, , c, d] = ['a', 'b', 'c', 'd'].map((name) => rig.join(name));
  for (const place of [c, a, d]) rig.admission.leave(place as Place);
  rig.join('e');
  rig.room = 9;
  rig.admission.admit();
  assert.deepEqual(rig.events, ['in b', 'in e']);
  assert.equal(rig.admission.waiting, 0);
});

test('it is the turn of the first in line, and of newcomers only when nobody is', () => {
  const rig = new Rig(4, 1_000);
  assert.equal(rig.admission.isTurnOf(null), true);
  const first = rig.join('a');
  const second = rig.join('b');
  assert.deepEqual(
    [first, second, null].map((place) => rig.admission.isTurnOf(place)),
    [true, false, false],
  );
});

test('who has waited for the time allowed is sent away, those behind wait on, and an empty line leaves the clock', () => {
  const rig = new Rig(4, 1_000);
  rig.join('a');
  rig.clock.pass(600);
  rig.join('b');
  rig.clock.pass(400);
  assert.deepEqual(rig.events, ['out a']);
  rig.clock.pass(600);
  assert.deepEqual(rig.events, ['out a', 'out b']);
  assert.equal(rig.admission.timedOut, 2);
  assert.equal(rig.clock.watched.size, 0);
});

test('room that nobody told of is found at the next tick', () => {
  const rig = new Rig(4, 1_000);
  rig.join('a');
  rig.room = 1;
  rig.clock.pass(100);
  assert.deepEqual(rig.events, ['in a']);
});

test('a new time allowed, shorter or longer, counts from when each joined the line', () => {
  const rig = new Rig(4, 1_000);
  rig.join('a');
  rig.clock.pass(300);
  rig.join('b');
  rig.use({ pendingTimeoutMs: 200 });
  rig.clock.pass(100);
  assert.deepEqual(rig.events, ['out a']);
  rig.use({ pendingTimeoutMs: 2_000 });
  rig.clock.pass(1_800);
  assert.deepEqual(rig.events, ['out a']);
  rig.clock.pass(100);
  assert.deepEqual(rig.events, ['out a', 'out b']);
});

test('when fewer may wait than do, those who came last are turned away, after who finds room was let in', () => {
  const rig = new Rig(4, 1_000);
  for (const name of ['a', 'b', 'c', 'd']) rig.join(name);
  rig.use({ maxPending: 1 });
  rig.room = 1;
  rig.clock.pass(100);
  assert.deepEqual(rig.events, ['in a', 'cut d', 'cut c']);
  assert.deepEqual([rig.admission.waiting, rig.admission.rejected, rig.admission.timedOut], [1, 2, 0]);
  rig.use({ maxPending: 0 });
  rig.clock.pass(100);
  assert.deepEqual(rig.events.slice(3), ['cut b']);
  assert.equal(rig.clock.watched.size, 0);
});
