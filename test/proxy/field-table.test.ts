/** The field table against a plain reading of the same lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DROP, FieldTable, PASS } from '../../src/proxy/http1/field-table.ts';

interface Line {
  readonly name: string;
  readonly before: string;
  readonly value: string;
  readonly after: string;
  readonly dropped: boolean;
}

const char = (codes: readonly number[]): fc.Arbitrary<string> =>
  fc.constantFrom(...codes.map((code) => String.fromCharCode(code)));
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const tokenChar = fc.constantFrom(...'abcXYZ019-_!~'.split(''));
const valueChar = char([...range(0x21, 0x7e), ...range(0x80, 0xff), 0x20, 0x09]);
const blanks = fc.constantFrom('', ' ', '  ', '\t', ' \t ');

const line: fc.Arbitrary<Line> = fc.record({
  name: fc.array(tokenChar, { minLength: 1, maxLength: 8 }).map((chars) => chars.join('')),
  before: fc.oneof({ weight: 3, arbitrary: fc.constant(' ') }, { weight: 1, arbitrary: blanks }),
  value: fc.array(valueChar, { maxLength: 10 }).map((chars) => chars.join('').replace(/^[ \t]+|[ \t]+$/g, '')),
  after: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: blanks }),
  dropped: fc.boolean(),
});

const START = 'GET / HTTP/1.1\r\n';

/** Stands in the buffer before the head. */
const BEFORE = 'left over';

function scanText(table: FieldTable, text: string, position: number): number {
  const bytes = Buffer.from(BEFORE + text, 'latin1');
  table.text = text;
  return table.scan(bytes, BEFORE.length, BEFORE.length + position, bytes.length);
}

function scan(lines: readonly Line[], dropUnderscores: boolean): FieldTable {
  const table = new FieldTable(20, dropUnderscores);
  const text = START + lines.map(({ name, before, value, after }) => `${name}:${before}${value}${after}\r\n`).join('');
  assert.equal(scanText(table, `${text}\r\nbody`, START.length), 0);
  assert.equal(table.headEnd, BEFORE.length + text.length + 2);
  for (const [index, { dropped }] of lines.entries()) if (dropped) table.kinds[index] = DROP;
  return table;
}

/** What should be written: one line each, in one spelling. */
function write(lines: readonly Line[], dropUnderscores: boolean): string {
  return lines
    .filter(({ name, dropped }) => !dropped && !(dropUnderscores && name.includes('_')))
    .map(({ name, value }) => `${name}: ${value}\r\n`)
    .join('');
}

test('the block is what a plain writer would write, with and without a start line', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.boolean(), (lines, dropUnderscores) => {
      const table = scan(lines, dropUnderscores);
      assert.equal(table.toBlock(-1, -1), write(lines, dropUnderscores));
      assert.equal(table.toBlock(0, START.length), START + write(lines, dropUnderscores));
    }),
    { numRuns: 500 },
  );
});

test('names, values and look-ups are those of a plain reader', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      const table = scan(lines, false);
      assert.equal(table.count, lines.length);
      for (const [index, { name, value }] of lines.entries()) {
        assert.equal(table.name(index), name);
        assert.equal(table.nameLength(index), name.length);
        assert.equal(table.value(index), value);
        const lower = name.toLowerCase();
        if (/^[a-z0-9-]+$/.test(lower)) assert.equal(table.nameEquals(index, lower), true);
        const same = lines.filter((other) => other.name.toLowerCase() === lower && !lower.includes('_'));
        const joined = same.length === 0 ? null : same.map((other) => other.value).join(', ');
        assert.equal(table.find(lower), joined);
      }
    }),
  );
});

test('a scan never writes a line break that was not there, whatever the bytes', () => {
  const byte = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...'Xa:- _\t\r\n\0'.split('')) },
    { weight: 1, arbitrary: char(range(0, 255)) },
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
      const body = `${bytes.join('')}\r\n\r\n`;
      const table = new FieldTable(20, false);
      if (scanText(table, body, 0) !== 0) return;
      assert.equal(table.headEnd - BEFORE.length, body.startsWith('\r\n') ? 2 : body.indexOf('\r\n\r\n') + 4);
      for (const written of table.toBlock(-1, -1).split('\r\n').slice(0, -1)) {
        assert.match(written, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[\t -~\x80-\xff]*[!-~\x80-\xff])?$/);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('one field too many is told before what is wrong with it', () => {
  for (const last of ['X: y', '\rX', 'no name']) {
    const text = `${'A: b\r\n'.repeat(20)}${last}\r\n\r\n`;
    assert.equal(scanText(new FieldTable(20, false), text, 0), 431, JSON.stringify(last));
  }
  assert.equal(scanText(new FieldTable(20, false), `${'A: b\r\n'.repeat(20)}\r\n`, 0), 0);
});

test('names with an underscore are marked as dropped in requests and found by nobody', () => {
  const lines = [{ name: 'X_Real_IP', before: ' ', value: '6.6.6.6', after: '', dropped: false }];
  const request = scan(lines, true);
  assert.equal(request.kinds[0], DROP);
  assert.equal(request.find('x_real_ip'), null);
  assert.equal(request.toBlock(-1, -1), '');
  const response = scan(lines, false);
  assert.equal(response.kinds[0], PASS);
  assert.equal(response.toBlock(-1, -1), 'X_Real_IP: 6.6.6.6\r\n');
});
