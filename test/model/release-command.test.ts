/** Commands to releases: what their texts mean, for which plan, and where they are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseCommand } from '../../src/model/release.ts';
import { formatReleaseCommand, parseReleaseCommand, resolveReleaseCommand } from '../../src/model/release-command.ts';

/** For a plan of three steps. */
function read(text: string): ReleaseCommand | string {
  const parsed = parseReleaseCommand(text);
  if ('problem' in parsed) return parsed.problem;
  const resolved = resolveReleaseCommand(parsed.value, 3);
  return 'problem' in resolved ? resolved.problem : resolved.value;
}

const MEANINGS: readonly (readonly [text: string, command: ReleaseCommand])[] = [
  ['pause', { kind: 'pause' }],
  [' abort\n', { kind: 'abort' }],
  ['promote', { kind: 'promote', step: 2 }],
  ['promote 1', { kind: 'promote', step: 0 }],
  ['promote  3', { kind: 'promote', step: 2 }],
];

for (const [text, command] of MEANINGS) {
  test(`the command ${JSON.stringify(text)} is understood, and read as it is written`, () => {
    assert.deepEqual(read(text), command);
    assert.deepEqual(read(formatReleaseCommand(command)), command);
  });
}

const FORM = 'expected pause, abort, promote, or promote N with the number of a step, counted from 1';

const REFUSALS: readonly (readonly [text: string, problem: string])[] = [
  ['', `is ""; ${FORM}`],
  ['Abort', `is "Abort"; ${FORM}`],
  ['promote 0', `is "promote 0"; ${FORM}`],
  ['promote 33', `is "promote 33"; ${FORM}`],
  ['promote -1', `is "promote -1"; ${FORM}`],
  ['promote 1.5', `is "promote 1.5"; ${FORM}`],
  ['promote last', `is "promote last"; ${FORM}`],
  ['promote1', `is "promote1"; ${FORM}`],
  ['pause 1', `is "pause 1"; ${FORM}`],
  ['promote 4', 'asks for step 4; the plan has 3'],
];

for (const [text, problem] of REFUSALS) {
  test(`the command ${JSON.stringify(text)} is refused`, () => assert.equal(read(text), problem));
}
