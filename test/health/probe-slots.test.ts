/** How many probes run at once, and in which order the others follow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProbeSlots, type SlotUser } from '../../src/health/probe-slots.ts';

function users(count: number, started: number[]): SlotUser[] {
  return Array.from({ length: count }, (_, index) => ({ onSlot: () => started.push(index) }));
}

test('as many run as there are slots; the others follow in the order they asked', () => {
  const started: number[] = [];
  const slots = new ProbeSlots(2);
  const [a, b, c, d] = users(4, started) as [SlotUser, SlotUser, SlotUser, SlotUser];
  for (const user of [a, b, c, d]) slots.enter(user);
  assert.deepEqual([started, slots.running, slots.waiting], [[0, 1], 2, 2]);
  slots.leave(b);
  assert.deepEqual([started, slots.running, slots.waiting], [[0, 1, 2], 2, 1]);
  slots.leave(a);
  slots.leave(c);
  assert.deepEqual([started, slots.running, slots.waiting], [[0, 1, 2, 3], 1, 0]);
});

test('who gives up while waiting is not started, and who has nothing gives nothing back', () => {
  const started: number[] = [];
  const slots = new ProbeSlots(1);
  const [a, b, c, stranger] = users(4, started) as [SlotUser, SlotUser, SlotUser, SlotUser];
  for (const user of [a, b, c]) slots.enter(user);
  slots.leave(b);
  slots.leave(stranger);
  assert.deepEqual(started, [0]);
  slots.leave(a);
  assert.deepEqual(started, [0, 2]);
});
