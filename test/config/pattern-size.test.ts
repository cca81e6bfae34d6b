/** The estimate of a pattern's size may be too high, never far too low: a low one lets a costly pattern through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { compile } from '../../src/config/compile.ts';
import { estimatePatternSize } from '../../src/config/pattern-size.ts';
import { canary, ingress, service, settings, snapshot } from '../support/fixtures.ts';

/** Null when it is no RE2 pattern. */
function realSize(pattern: string): number | null {
  try {
    return RE2JS.compile(pattern).programSize();
  } catch {
    return null;
  }
}

const tricky = [
  '(ab?){99}',
  '((a{9}){9}){9}',
  '(aaaa[(]){50}',
  '(aaaa[)]){50}',
  '(aaaa[]()]){50}',
  '(aaaa[^]()]){50}',
  '(aaaa[[:alpha:](]){50}',
  '(aaaa\\Q(\\E){50}',
  '(aaaa\\(){50}',
  '(aaaa[\\](]){50}',
  '(\\Qaaaaaaaaaa\\E){50}',

  'a{2,50}',
  'a{50,}',
  'a{,50}',
  'a{x}',
  '(a|b|c){40}',
  '[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}',
  '(?P<n>a){60}',
];

for (const pattern of tricky) {
  test(`the size of ${pattern} is not underestimated`, () => {
    const real = realSize(pattern);
    assert.ok(
      real === null || estimatePatternSize(pattern) * 3 + 10 >= real,
      `${estimatePatternSize(pattern)} ${real}`,
    );
  });
}

test('the size of no pattern is underestimated', () => {
  const pieces = fc.constantFrom(
    'a',
    '(',
    ')',
    '[',
    ']',
    '[(]',
    '[)]',
    '{',
    '}',
    '{20}',
    '{3,}',
    '*',
    '+',
    '?',
    '|',
    '\\',
    '\\Q',
    '\\E',
    '^',
    ':',
    '-',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 10 }), (parts) => {
      const pattern = parts.join('');
      const real = realSize(pattern);
      assert.ok(
        real === null || estimatePatternSize(pattern) * 3 + 10 >= real,
        `${estimatePatternSize(pattern)} ${real}`,
      );
    }),
    { numRuns: 2_000 },
  );
});

for (const [pattern, kind] of [
  ['[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}', 'pattern'],
  ['(ab?){999}', undefined],
] as const) {
  test(`${pattern} is ${kind === undefined ? 'too costly for' : 'accepted as'} a header rule`, () => {
    const main = ingress('shop/web').rule('a.example', '/', 'main:80');
    const annotations = { 'canary-by-header': 'X-Id', 'canary-by-header-pattern': pattern };
    const next = canary('shop/next', 'a.example', '/', 'next:80').annotate(annotations);
    const objects = snapshot({ ingresses: [main, next], services: [service('shop/main'), service('shop/next')] });
    const { routes, problems } = compile(objects, settings());
    assert.equal(routes[0]?.split.canaries[0]?.header?.kind, kind);
    assert.deepEqual(
      problems.map((problem) => problem.code),
      kind === undefined ? ['canary-invalid'] : [],
    );
  });
}
