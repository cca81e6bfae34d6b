/**
 * The reference pages are in step with the code. `annotations.md` is generated: run this file with
 * `--test-update-snapshots`. `problems.md` is written by hand and compared with the codes both ways.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { classifyUnsupported, UNSUPPORTED_NAMES } from '../../src/config/annotations/catalogue.ts';
import { ANNOTATIONS } from '../../src/config/annotations/index.ts';
import { createIngressSettings } from '../../src/config/annotations/ingress-settings.ts';
import { PROBLEM_CODES } from '../../src/model/problem.ts';
import { renderAnnotationReference } from '../support/annotation-reference.ts';

const repository = new URL('../../', import.meta.url);
const path = (name: string): string => fileURLToPath(new URL(name, repository));

test('the annotation reference is what the annotation table says', (t: TestContext) => {
  t.assert.fileSnapshot(renderAnnotationReference(), path('docs/reference/annotations.md'), {
    serializers: [(text: string) => text],
  });
});

test('problems.md describes every problem code, in order, and no other', () => {
  const page = readFileSync(path('docs/reference/problems.md'), 'utf8');
  const described = Array.from(page.matchAll(/^## `(.+)`$/gm), (match) => match[1]);
  assert.deepEqual(described, [...PROBLEM_CODES]);
});

test('every annotation file is in the list, and every key once', () => {
  const infrastructure = new Set([
    'catalogue.ts',
    'define.ts',
    'index.ts',
    'ingress-settings.ts',
    'parsers.ts',
    'read-annotations.ts',
    'suggest.ts',
  ]);
  const files = readdirSync(path('src/config/annotations')).filter((file) => !infrastructure.has(file));
  assert.deepEqual(files.toSorted(), ANNOTATIONS.map((spec) => `${spec.key}.ts`).toSorted());
});

test('no supported annotation is listed as unsupported, and no name twice', () => {
  for (const spec of ANNOTATIONS) assert.equal(classifyUnsupported(spec.key), 'unknown', spec.key);
  assert.equal(new Set(UNSUPPORTED_NAMES).size, UNSUPPORTED_NAMES.length);
});

for (const spec of ANNOTATIONS) {
  test(`the example of ${spec.key} is valid and changes something`, () => {
    const settings = createIngressSettings();
    assert.equal(spec.read(settings, spec.example), null);
    assert.notDeepEqual(settings, createIngressSettings());
  });
}
