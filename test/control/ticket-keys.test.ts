/** The life of the keys that session tickets are sealed with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TicketKeys } from '../../src/control/ticket-keys.ts';

const HOUR_MS = 3_600_000;

test('keys are 48 random bytes in memory of their own', () => {
  const first = new TicketKeys(() => undefined).current;
  const second = new TicketKeys(() => undefined).current;
  assert.equal(first.length, 48);
  assert.equal(first.buffer.byteLength, 48);
  assert.notDeepEqual(first, second);
});

test('keys change every 12 hours, and the old ones are wiped', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const handedOut: Uint8Array[] = [];
  const keys = new TicketKeys((next) => handedOut.push(next));
  const first = keys.current;
  const copy = first.slice();
  keys.start();
  keys.start();
  t.mock.timers.tick(12 * HOUR_MS - 1);
  assert.equal(keys.current, first);
  t.mock.timers.tick(1);
  assert.deepEqual(handedOut, [keys.current]);
  assert.notDeepEqual(keys.current, copy);
  assert.ok(first.every((byte) => byte === 0));
  t.mock.timers.tick(12 * HOUR_MS);
  assert.equal(handedOut.length, 2);
  keys.stop();
  t.mock.timers.tick(48 * HOUR_MS);
  assert.equal(handedOut.length, 2);
});
