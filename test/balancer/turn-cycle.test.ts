/** When the order of turns may be written down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import { Turn } from '../../src/balancer/turn.ts';
import { periodOf, TurnCycle } from '../../src/balancer/turn-cycle.ts';

function createTurns(weights: readonly number[]): Turn[] {
  return weights.map((weight, index) => new Turn(new Endpoint('shop', `10.0.0.${index}`, 80, weight), 0));
}

interface Case {
  readonly name: string;
  readonly weights: readonly number[];
  readonly period: number;
}

const cases: readonly Case[] = [
  { name: 'equal weights repeat after one turn each', weights: [7, 7, 7], period: 3 },
  { name: 'a common divisor does not count', weights: [60, 40], period: 5 },
  { name: 'weights without one add up', weights: [5, 3, 2, 1], period: 11 },
  { name: 'the longest for two', weights: [2047, 1], period: 2048 },
  { name: 'too long for two', weights: [2048, 1], period: 0 },
  { name: 'too long for anybody', weights: [...Array.from({ length: 1_000 }, () => 525), 2], period: 0 },
];

for (const c of cases) {
  test(`period: ${c.name}`, () => {
    const total = c.weights.reduce((sum, weight) => sum + weight, 0);
    assert.equal(periodOf(createTurns(c.weights), total), c.period);
  });
}

test('a period in which somebody caught up is not repeated, the next one is', () => {
  const turns = createTurns([1, 1]);
  for (const turn of turns) turn.windowSlots = 2;
  const cycle = new TurnCycle(turns, 2);
  const record = (place: number): boolean => {
    turns[place]?.toNextWindow();
    return cycle.record(place);
  };
  assert.equal(record(0), false);
  assert.equal(record(0), true);
  assert.equal(cycle.closed, false);

  const second = new TurnCycle(turns, 2);
  for (const place of [1, 0]) {
    turns[place]?.toNextWindow();
    second.record(place);
  }
  assert.equal(second.closed, true);
  assert.deepEqual(
    [second.next(), second.next(), second.next()].map(({ address }) => address),
    ['10.0.0.1', '10.0.0.0', '10.0.0.1'],
  );
  assert.equal(second.catchUp(), 1);
  assert.deepEqual(
    turns.map(({ opensAt }) => opensAt),
    [6, 4],
  );
});
