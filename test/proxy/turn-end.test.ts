/** Once a turn, or as soon as enough are waiting. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnEnd, type TurnEndListener } from '../../src/proxy/turn-end.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function fail(): void {
  throw new Error('of this listener');
}

class Log {
  readonly told: string[] = [];

  listener(name: string, then: () => void = () => undefined): TurnEndListener {
    return {
      onTurnEnd: () => {
        this.told.push(name);
        then();
      },
    };
  }
}

test('listeners are told in order, once, when the turn ends', async () => {
  const turnEnd = new TurnEnd();
  const log = new Log();
  for (const name of ['a', 'b', 'c']) turnEnd.add(log.listener(name));
  assert.deepEqual(log.told, []);
  await turn();
  assert.deepEqual(log.told, ['a', 'b', 'c']);
  await turn();
  assert.deepEqual(log.told, ['a', 'b', 'c']);
});

test('who is added while listeners are told is told a turn later', async () => {
  const turnEnd = new TurnEnd();
  const log = new Log();
  turnEnd.add(log.listener('a', () => turnEnd.add(log.listener('c'))));
  turnEnd.add(log.listener('b'));
  await turn();
  assert.deepEqual(log.told, ['a', 'b']);
  await turn();
  assert.deepEqual(log.told, ['a', 'b', 'c']);
});

test('the last one that may wait ends the turn for all of them', async () => {
  const turnEnd = new TurnEnd(3);
  const log = new Log();
  for (const name of ['a', 'b', 'c', 'd']) turnEnd.add(log.listener(name));
  assert.deepEqual(log.told, ['a', 'b', 'c']);
  await turn();
  assert.deepEqual(log.told, ['a', 'b', 'c', 'd']);
});

test('more than may wait, added while listeners are told, are each told once', async () => {
  const turnEnd = new TurnEnd(2);
  const log = new Log();
  const more = (): void => {
    for (const name of ['c', 'd', 'e']) turnEnd.add(log.listener(name));
  };
  turnEnd.add(log.listener('a', more));
  turnEnd.add(log.listener('b'));
  assert.deepEqual(log.told, ['a', 'b']);
  await turn();
  assert.deepEqual(log.told, ['a', 'b', 'c', 'd', 'e']);
});

test('the turn can be over before its end, for those that wait', async () => {
  const turnEnd = new TurnEnd();
  const log = new Log();
  turnEnd.add(log.listener('a'));
  turnEnd.end();
  assert.deepEqual(log.told, ['a']);
  turnEnd.add(log.listener('b'));
  await turn();
  assert.deepEqual(log.told, ['a', 'b']);
});

test('a listener that throws takes nobody else along', async () => {
  const turnEnd = new TurnEnd(3);
  const log = new Log();
  turnEnd.add(log.listener('a'));
  turnEnd.add(log.listener('b', fail));
  assert.throws(() => turnEnd.add(log.listener('c')), /of this listener/);
  assert.deepEqual(log.told, ['a', 'b']);
  await turn();
  assert.deepEqual(log.told, ['a', 'b', 'c']);
  for (const name of ['d', 'e', 'f']) turnEnd.add(log.listener(name));
  assert.deepEqual(log.told, ['a', 'b', 'c', 'd', 'e', 'f']);
});
