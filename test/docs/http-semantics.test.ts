/** `http-semantics.md` and the tests it names are in step: every rule has a proof that exists, or says why it differs. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RULES = 160;
/** Long enough to hold an argument. */
const SHORTEST_REASON = 20;

interface Row {
  readonly number: number;
  readonly rule: string;
  readonly source: string;
  readonly proofs: readonly string[];
}

interface Reference {
  readonly path: string;
  readonly name: string;
}

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const page = readFileSync(root('docs/reference/http-semantics.md'), 'utf8');

/** `| 1 | What is true. | RFC | proof<br>proof |` */
function readRows(text: string): readonly Row[] {
  const rows: Row[] = [];
  for (const line of text.split('\n')) {
    if (!/^\| *\d/.test(line)) continue;
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    assert.equal(cells.length, 6, `four columns: ${line}`);
    const [, number = '', rule = '', source = '', proof = ''] = cells;
    rows.push({ number: Number(number), rule, source, proofs: proof.split('<br>') });
  }
  return rows;
}

function toReference(proof: string): Reference | null {
  const [, path, name] = /^`(test\/\S+\.test\.ts) › (.+)`$/.exec(proof) ?? [];
  return path === undefined || name === undefined ? null : { path, name };
}

/** The name of a test, or of a case in a table, is a string in the file, spelled as it is there. */
function isIn(file: string, name: string): boolean {
  return ["'", '"', '`'].some((quote) => file.includes(quote + name + quote));
}

const rows = readRows(page);

test('every rule stands on the page once, in order', () => {
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: RULES }, (_, at) => at + 1),
  );
});

test('a rule is one sentence and says where it comes from', () => {
  for (const { number, rule, source } of rows) {
    assert.match(rule, /^[A-Z`].{10,170}\.$/, `rule ${number}`);
    assert.doesNotMatch(rule, /[a-z]\. /, `rule ${number}`);
    assert.notEqual(source, '', `rule ${number}`);
  }
});

test('every rule has a proof, or a deviation with its reason', () => {
  for (const { number, proofs } of rows) {
    assert.equal(new Set(proofs).size, proofs.length, `rule ${number} says the same twice`);
    for (const proof of proofs) {
      const reason = /^Deviation: (.+)\.$/.exec(proof)?.[1];
      assert.ok(
        toReference(proof) !== null || (reason?.length ?? 0) >= SHORTEST_REASON,
        `rule ${number}: neither \`test/… › name\` nor "Deviation: reason.": ${proof}`,
      );
    }
  }
});

test('every test the page names exists', () => {
  const files = new Map<string, string>();
  const missing: string[] = [];
  for (const { number, proofs } of rows) {
    for (const reference of proofs.map(toReference)) {
      if (reference === null) continue;
      const { path, name } = reference;
      const file = files.get(path) ?? (existsSync(root(path)) ? readFileSync(root(path), 'utf8') : '');
      files.set(path, file);
      if (!isIn(file, name)) missing.push(`${number}: ${path} › ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('a page with a gap, a repetition or an unknown name would be noticed', () => {
  const [row] = readRows('| 7 | A rule \\| two. | RFC 1 | `test/a.test.ts › x`<br>Deviation: because. |');
  assert.deepEqual(row, {
    number: 7,
    rule: 'A rule | two.',
    source: 'RFC 1',
    proofs: ['`test/a.test.ts › x`', 'Deviation: because.'],
  });
  assert.deepEqual(toReference('`test/a.test.ts › x › y`'), { path: 'test/a.test.ts', name: 'x › y' });
  assert.equal(toReference('`src/a.ts › x`'), null);
  assert.equal(isIn("test('one', () => {});", 'one'), true);
  assert.equal(isIn("test('one and more', () => {});", 'one'), false);
});
