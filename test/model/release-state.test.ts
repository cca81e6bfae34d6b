/** States of releases as they are stored: what was written is read again, and nothing else does harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseState } from '../../src/model/release.ts';
import { formatReleaseState, parseReleaseState, unreadableState } from '../../src/model/release-state.ts';
import { arbitraryState } from '../support/arbitrary-release.ts';

const STATE: ReleaseState = {
  revision: '0a1b2c3d4e5f6071',
  phase: 'running',
  step: 2,
  beganAt: 1_790_000_000_000,
  changedAt: 1_790_000_600_000,
  elapsedMs: 0,
  earlierFailures: 3,
  reason: '',
};

function write(changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...STATE, ...changes });
}

test('every state is read as it was written', () => {
  fc.assert(
    fc.property(arbitraryState(), (value) => {
      assert.deepEqual(parseReleaseState(formatReleaseState(value)), { value });
    }),
  );
});

test('whatever the reason holds, the text can be read, and nothing is lost the second time', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (reason) => {
      const first = parseReleaseState(formatReleaseState({ ...STATE, reason }));
      assert.ok('value' in first);
      assert.deepEqual(parseReleaseState(formatReleaseState(first.value)), first);
      assert.doesNotMatch(first.value.reason, /[\p{Cc}\u2028\u2029]/u);
      assert.ok(first.value.reason.isWellFormed());
    }),
  );
});

test('moments of finer clocks are rounded', () => {
  const text = formatReleaseState({ ...STATE, beganAt: 1.4, changedAt: 2.5, elapsedMs: 3.6 });
  assert.deepEqual(parseReleaseState(text), { value: { ...STATE, beganAt: 1, changedAt: 3, elapsedMs: 4 } });
});

test('the state that stands for an unreadable one can be stored', () => {
  const value = unreadableState(STATE.revision);
  assert.deepEqual(parseReleaseState(formatReleaseState(value)), { value });
});

test('fields of later versions are passed over', () => {
  assert.deepEqual(parseReleaseState(write({ later: { deep: [1] } })), { value: STATE });
});

const REFUSALS: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
  ['nothing', '', /^expected a JSON object$/],
  ['broken JSON', '{"revision":', /^expected a JSON object$/],
  ['null', 'null', /^expected a JSON object$/],
  ['a list', '[]', /^expected a JSON object$/],
  ['a number', '1', /^expected a JSON object$/],
  ['deep nesting', '['.repeat(4_096), /^expected a JSON object$/],
  ['too long a text', write({ later: 'x'.repeat(4_096) }), /^expected at most 4096 characters$/],
  ['no fields', '{}', /^expected a revision$/],
  ['fields of a prototype', `{"__proto__":${write({})}}`, /^expected a revision$/],
  ['an empty revision', write({ revision: '' }), /^expected a revision$/],
  ['a revision with a line break', write({ revision: 'a\nb' }), /^expected a revision$/],
  ['too long a revision', write({ revision: 'a'.repeat(65) }), /^expected a revision$/],
  [
    'an unknown phase',
    write({ phase: 'toString' }),
    /^expected a phase of running, paused, aborted, completed, expired$/,
  ],
  ['a phase that is no text', write({ phase: ['running'] }), /^expected a phase/],
  ['a step that no plan has', write({ step: 32 }), /^expected a step from 0 to 31$/],
  ['a negative step', write({ step: -1 }), /^expected a step/],
  ['half a step', write({ step: 0.5 }), /^expected a step/],
  ['a step in quotes', write({ step: '1' }), /^expected a step/],
  ['no beginning', write({ beganAt: undefined }), /^expected whole numbers for beganAt, /],
  ['a change before all time', write({ changedAt: -1 }), /^expected whole numbers/],
  ['too large a time', write({}).replace('"elapsedMs":0', '"elapsedMs":1e300'), /^expected whole numbers/],
  ['failures that are not known', write({ earlierFailures: null }), /^expected whole numbers/],
  ['no reason', write({ reason: undefined }), /^expected a reason of at most 512 characters$/],
  ['too long a reason', write({ reason: 'x'.repeat(513) }), /^expected a reason/],
];

for (const [name, text, problem] of REFUSALS) {
  test(`${name} instead of a state is refused`, () => {
    const parsed = parseReleaseState(text);
    assert.match('problem' in parsed ? parsed.problem : JSON.stringify(parsed), problem);
  });
}

test('a negative zero is a zero', () => {
  assert.deepEqual(parseReleaseState(write({}).replace('"elapsedMs":0', '"elapsedMs":-0')), { value: STATE });
});

test('no text makes the reader throw', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
  fc.assert(fc.property(text, (hostile) => assert.ok(typeof parseReleaseState(hostile) === 'object')));
});
