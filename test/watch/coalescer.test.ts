/** When changes are emitted: soon when things are quiet, and in time while a storm lasts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ChangeCoalescer, DEFAULT_COALESCER_TIMING, type Emission } from '../../src/watch/change-coalescer.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Emitted {
  readonly atMs: number;
  readonly what: Emission;
}

function setUp(): { clock: FakeClock; coalescer: ChangeCoalescer; emitted: Emitted[] } {
  const clock = new FakeClock();
  const emitted: Emitted[] = [];
  const coalescer = new ChangeCoalescer(clock, DEFAULT_COALESCER_TIMING, (what) =>
    emitted.push({ atMs: clock.nowMs(), what }),
  );
  return { clock, coalescer, emitted };
}

interface Case {
  readonly name: string;
  /** `e` = endpoints, `a` = everything (all), at a time. */
  readonly changes: readonly (readonly [atMs: number, kind: 'e' | 'a'])[];
  readonly expected: readonly Emitted[];
}

const cases: readonly Case[] = [
  {
    name: 'a lone endpoint change is emitted in the same turn of the event loop',
    changes: [[1000, 'e']],
    expected: [{ atMs: 1000, what: 'endpoints' }],
  },
  {
    name: 'endpoint changes in a storm keep their spacing',
    changes: [
      [1000, 'e'],
      [1001, 'e'],
      [1003, 'e'],
      [1006, 'e'],
    ],
    expected: [
      { atMs: 1000, what: 'endpoints' },
      { atMs: 1005, what: 'endpoints' },
      { atMs: 1010, what: 'endpoints' },
    ],
  },
  {
    name: 'the first change after a calm waits only for what belongs to it',
    changes: [
      [1000, 'a'],
      [1004, 'a'],
    ],
    expected: [{ atMs: 1010, what: 'everything' }],
  },
  {
    name: 'the leading edge is not put off by a storm that follows',
    changes: [
      [1000, 'a'],
      [1005, 'a'],
      [1009, 'a'],
      [1011, 'a'],
    ],
    expected: [
      { atMs: 1010, what: 'everything' },
      { atMs: 1031, what: 'everything' },
    ],
  },
  {
    name: 'in a storm changes are gathered until 20 ms of quiet',
    changes: [
      [1000, 'a'],
      [1020, 'a'],
      [1035, 'a'],
      [1050, 'a'],
    ],
    expected: [
      { atMs: 1010, what: 'everything' },
      { atMs: 1070, what: 'everything' },
    ],
  },
  {
    name: 'a storm without quiet is emitted every 50 ms',
    changes: Array.from({ length: 15 }, (_, index): [number, 'a'] => [1000 + index * 10, 'a']),
    expected: [
      { atMs: 1010, what: 'everything' },
      { atMs: 1060, what: 'everything' },
      { atMs: 1110, what: 'everything' },
      { atMs: 1160, what: 'everything' },
    ],
  },
  {
    name: 'an endpoint change does not wait for the rest',
    changes: [
      [1000, 'a'],
      [1011, 'a'],
      [1020, 'e'],
    ],
    expected: [
      { atMs: 1010, what: 'everything' },
      { atMs: 1020, what: 'endpoints' },
      { atMs: 1031, what: 'everything' },
    ],
  },
];

for (const { name, changes, expected } of cases) {
  test(name, () => {
    const { clock, coalescer, emitted } = setUp();
    for (const [atMs, kind] of changes) {
      clock.advanceTo(atMs);
      if (kind === 'e') coalescer.noteEndpoints();
      else coalescer.noteEverything();
    }
    clock.advanceTo(10_000);
    assert.deepEqual(emitted, expected);
  });
}

test('nothing is emitted after close', () => {
  const { clock, coalescer, emitted } = setUp();
  coalescer.noteEndpoints();
  coalescer.noteEverything();
  coalescer.close();
  coalescer.noteEndpoints();
  coalescer.flush();
  clock.advanceTo(10_000);
  assert.deepEqual(emitted, []);
});

test('no change waits longer than its cap, and the last state is always emitted', () => {
  const change = fc.record({ gapMs: fc.nat(120), endpoints: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const { clock, coalescer, emitted } = setUp();
      const noted: Emitted[] = [];
      for (const { gapMs, endpoints } of changes) {
        clock.advanceTo(clock.nowMs() + gapMs);
        noted.push({ atMs: clock.nowMs(), what: endpoints ? 'endpoints' : 'everything' });
        if (endpoints) coalescer.noteEndpoints();
        else coalescer.noteEverything();
      }
      clock.advanceTo(clock.nowMs() + 1_000);
      for (const { atMs, what } of noted) {
        const capMs = what === 'endpoints' ? 10 : 50;
        const shown = emitted.find((each) => each.atMs >= atMs && (each.what === what || each.what === 'everything'));
        assert.ok(shown !== undefined && shown.atMs - atMs <= capMs, `${what} noted at ${atMs}`);
      }
      const everything = emitted.filter((each) => each.what === 'everything');
      assert.ok(everything.every((each, i) => i === 0 || each.atMs - (everything[i - 1]?.atMs ?? 0) >= 10));
    }),
  );
});
