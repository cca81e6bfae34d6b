/** Decisions are cited by number. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = new URL('../../docs/adr/', import.meta.url);

test('each decision has a number of its own, the one its heading says', () => {
  const files = readdirSync(FOLDER).toSorted();
  const numbers = files.map((file) => file.slice(0, 4));
  assert.deepEqual(
    numbers.filter((number, index) => numbers.indexOf(number) !== index),
    [],
  );
  for (const [index, file] of files.entries()) {
    const heading = readFileSync(new URL(file, FOLDER), 'utf8').split('\n', 1)[0] ?? '';
    assert.match(heading, new RegExp(`^# ${numbers[index] ?? ''}\\. \\S`), file);
  }
});
