/** How many probes run at once, and whose turn is next. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ProbeSlots, type SlotUser } from '../../src/health/probe-slots.ts';

function users(party: string, count: number, started: string[]): SlotUser[] {
  return Array.from({ length: count }, (_, index) => ({ party, onSlot: () => started.push(`${party}${index}`) }));
}

/** Turns of the event loop, as a test says. */
class Turns {
  #run: (() => void) | null = null;

  readonly next = (run: () => void): void => {
    assert.equal(this.#run, null);
    this.#run = run;
  };

  /** Until nothing is left to do. */
  pass(): void {
    while (this.#run !== null) this.passOne();
  }

  passOne(): void {
    const run = this.#run;
    this.#run = null;
    run?.();
  }
}

function enterAll(slots: ProbeSlots, all: readonly SlotUser[]): void {
  for (const user of all) slots.enter(user);
}

test('one party gets half of the slots; its others follow in the order they asked', () => {
  const started: string[] = [];
  const slots = new ProbeSlots(4, new Turns().next);
  const all = users('a', 4, started);
  enterAll(slots, all);
  assert.deepEqual([started, slots.running, slots.waiting], [['a0', 'a1'], 2, 2]);
  slots.leave(all[1] as SlotUser);
  assert.deepEqual([started.at(-1), slots.running, slots.waiting], ['a2', 2, 1]);
  slots.leave(all[0] as SlotUser);
  slots.leave(all[2] as SlotUser);
  assert.deepEqual([started.at(-1), slots.running, slots.waiting], ['a3', 1, 0]);
});

test('endpoints that never answer leave room for the probes of others', () => {
  const started: string[] = [];
  const turns = new Turns();
  const slots = new ProbeSlots(1_024, turns.next);
  for (const party of ['hung', 'dead', 'lost']) enterAll(slots, users(party, 1_024, started));
  turns.pass();
  assert.ok(slots.running > 750 && slots.waiting > 2_000);
  const [late] = users('late', 1, started) as [SlotUser];
  slots.enter(late);
  assert.equal(started.at(-1), 'late0');
});

test('a slot that is given back goes to the parties that wait in turn', () => {
  const started: string[] = [];
  const turns = new Turns();
  const slots = new ProbeSlots(6, turns.next);
  const all = new Map(['a', 'b', 'c'].map((party) => [party, users(party, 9, started)]));
  for (const each of all.values()) enterAll(slots, each);
  const before = started.length;
  for (let round = 0; round < 6; round++) {
    const [first] = started.splice(0, 1);
    slots.leave(all.get(first?.[0] ?? '')?.[Number(first?.[1])] as SlotUser);
    turns.pass();
  }
  const next = started.slice(before - 6).map((name) => name[0]);
  assert.ok(['a', 'b', 'c'].every((party) => next.includes(party)));
});

test('few begin in one turn of the event loop, and the next turns go on', () => {
  const started: string[] = [];
  const turns = new Turns();
  const slots = new ProbeSlots(100, turns.next);
  enterAll(slots, users('a', 20, started));
  assert.equal(started.length, 8);
  turns.passOne();
  assert.equal(started.length, 16);
  turns.pass();
  assert.equal(started.length, 20);
});

test('who gives up while waiting is not started, and who has nothing gives nothing back', () => {
  const started: string[] = [];
  const slots = new ProbeSlots(1, new Turns().next);
  const [a, b, c, stranger] = users('a', 4, started) as [SlotUser, SlotUser, SlotUser, SlotUser];
  enterAll(slots, [a, b, c]);
  slots.leave(b);
  slots.leave(stranger);
  assert.deepEqual(started, ['a0']);
  slots.leave(a);
  assert.deepEqual(started, ['a0', 'a2']);
});

test('whoever comes and goes, no more run than may, and nobody waits while a slot is for him', () => {
  const step = fc.record({ party: fc.nat(3), leaves: fc.boolean(), pick: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 120 }), (capacity, steps) => {
      const turns = new Turns();
      const slots = new ProbeSlots(capacity, turns.next);
      const running = new Set<SlotUser>();
      const present: SlotUser[] = [];
      for (const { party, leaves, pick } of steps) {
        if (leaves && present.length > 0) {
          const [gone] = present.splice(pick % present.length, 1) as [SlotUser];
          running.delete(gone);
          slots.leave(gone);
        } else {
          const user: SlotUser = { party: `${party}`, onSlot: () => running.add(user) };
          present.push(user);
          slots.enter(user);
        }
        assert.ok(running.size <= capacity);
        turns.pass();
        assert.ok(running.size <= capacity);
        assert.deepEqual([slots.running, slots.waiting], [running.size, present.length - running.size]);
        for (const waiting of present.filter((user) => !running.has(user))) {
          const own = [...running].filter((user) => user.party === waiting.party).length;
          assert.ok(own >= capacity - running.size, 'waits although its party may start one');
        }
      }
    }),
  );
});
