/** A roster is a set in no order, keeps nobody who has left, and may be changed while it is walked through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Roster, type RosterEntry } from '../../src/model/roster.ts';
import { bytesThatSurvive } from '../support/young-survivors.ts';

function membersOf<Member>(roster: Roster<Member>): readonly Member[] {
  const members: Member[] = [];
  roster.forEach((member) => members.push(member));
  return members;
}

test('it holds who was added and has not left, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50))), (steps) => {
      const roster = new Roster<number>();
      const entries: RosterEntry<number>[] = [];
      const expected = new Set<number>();
      for (const [at, leaving] of steps.entries()) {
        const entry = leaving === null ? undefined : entries[leaving % Math.max(1, entries.length)];
        if (entry === undefined) {
          entries.push(roster.add(at));
          expected.add(at);
        } else {
          entry.leave();
          expected.delete(entry.member);
        }
        assert.equal(roster.size, expected.size);
        assert.deepEqual(
          membersOf(roster).toSorted((a, b) => a - b),
          [...expected],
        );
      }
    }),
  );
});

test('who leaves during a walk is not visited any more, and everybody else is', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(30), { maxLength: 3 }), { maxLength: 31 }), (leavings) => {
      const roster = new Roster<number>();
      const entries = leavings.map((_, member) => roster.add(member));
      const visited = new Set<number>();
      const left = new Set<number>();
      roster.forEach((member) => {
        assert.ok(!left.has(member), `${member} had left`);
        visited.add(member);
        for (const leaving of leavings[member] ?? []) {
          const entry = entries[leaving];
          if (entry === undefined) continue;
          entry.leave();
          left.add(leaving);
        }
        roster.add(1_000 + member);
      });
      for (const [member] of leavings.entries()) assert.ok(visited.has(member) || left.has(member), String(member));
    }),
  );
});

const MEMBERS = 20_000;
const MEMBER_WORDS = 100;

test('who has left is gone with the young objects, however old the roster is', () => {
  const roster = new Roster<readonly number[]>();
  const there = Array.from({ length: 3 }, () => roster.add([]));
  const survived = bytesThatSurvive(() => {
    for (let at = 0; at < MEMBERS; at++) {
      there.push(roster.add(Array.from({ length: MEMBER_WORDS }, () => at)));
      there.shift()?.leave();
    }
  });
  assert.ok(survived < (MEMBERS * MEMBER_WORDS * 4) / 20, `${survived} bytes are old`);
});
