/** The language of `canary-match`: what it means, where it is refused, and that nothing makes it throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseMatchExpression } from '../../src/config/match-expression.ts';
import { compileMatch } from '../../src/live/request-match.ts';
import type { RequestMatch } from '../../src/model/canary.ts';

const header = (name: string, comparison = 'present', value = ''): unknown => {
  return { kind: 'value', of: 'header', name, test: comparison, value };
};
const [a, b, c] = [header('a'), header('b'), header('c')];

const MEANINGS: readonly (readonly [text: string, match: unknown])[] = [
  ['header:X-Team', header('x-team')],
  ['header:X-Team = blue', header('x-team', 'exact', 'blue')],
  ['header:X-Team=blue', header('x-team', 'exact', 'blue')],
  ['header:x = "a (b) or \\"c\\" \\\\"', header('x', 'exact', 'a (b) or "c" \\')],
  ['header:x = ""', header('x', 'exact', '')],
  ['header:x ^= v2.', header('x', 'prefix', 'v2.')],
  ['header:x ~ "^(a|b)$"', header('x', 'pattern', '^(a|b)$')],
  ['cookie:Beta', { kind: 'value', of: 'cookie', name: 'Beta', test: 'present', value: '' }],
  ['query:a.b[] = 1', { kind: 'value', of: 'query', name: 'a.b[]', test: 'exact', value: '1' }],
  ['method = GET,HEAD', { kind: 'method', methods: ['GET', 'HEAD'] }],
  ['source = 10.0.0.0/8,2001:db8::/32', { kind: 'source', networks: ['10.0.0.0/8', '2001:db8::/32'] }],
  ['not header:a', { kind: 'not', term: a }],
  ['not not header:a', { kind: 'not', term: { kind: 'not', term: a } }],
  ['header:a and header:b and header:c', { kind: 'and', terms: [a, b, c] }],
  ['header:a or header:b and header:c', { kind: 'or', terms: [a, { kind: 'and', terms: [b, c] }] }],
  ['(header:a or header:b) and header:c', { kind: 'and', terms: [{ kind: 'or', terms: [a, b] }, c] }],
  ['not header:a and header:b', { kind: 'and', terms: [{ kind: 'not', term: a }, b] }],
  ['not (header:a and header:b)', { kind: 'not', term: { kind: 'and', terms: [a, b] } }],
  ['  ((header:a))\n', a],
];

for (const [text, value] of MEANINGS) {
  test(`${JSON.stringify(text)} is understood`, () => assert.deepEqual(parseMatchExpression(text), { value }));
}

const REFUSALS: readonly (readonly [text: string, problem: RegExp])[] = [
  ['', /^expected header:NAME, cookie:NAME, query:NAME, method or source at column 1$/],
  ['header', /^expected header:NAME, .* at column 1$/],
  ['heder:a', /^expected header:NAME, .* at column 1$/],
  ['header:', /^expected a name behind header: at column 1$/],
  ['header:a,b', /^expected a name behind header: at column 1$/],
  ['header:a =', /^expected a value, .* at column 11$/],
  ['header:a = and', /^expected a value, .* at column 12$/],
  ['header:a = = b', /^expected a value, .* at column 12$/],
  ['header:a ~ "("', /^pattern cannot be used \(.*\) at column 12$/],
  ['header:a ~ "(x{99}){99}"', /^pattern cannot be used \(it needs about \d+ steps .*\) at column 12$/],
  ['header:a = "b', /^expected a closing quote, .* at column 12$/],
  ['header:a = "\\n"', /^expected a closing quote, .* at column 12$/],
  ['header:a header:b', /^expected and, or, or the end at column 10$/],
  ['header:a AND header:b', /^expected and, or, or the end at column 10$/],
  ['header:a and', /^expected header:NAME, .* at column 13$/],
  ['(header:a', /^expected and, or, or \) at column 10$/],
  ['header:a)', /^expected and, or, or the end at column 9$/],
  ['()', /^expected header:NAME, .* at column 2$/],
  ['method GET', /^expected = behind method at column 8$/],
  ['method = get', /^expected methods such as GET or GET,HEAD at column 10$/],
  ['source = ten', /^expected an IP network such as 10\.0\.0\.0\/8 .* at column 10$/],
  ['source = 10.0.0.0/33', /^expected an IP network .* at column 10$/],
  ['header:a ^ b', /^expected a word, an operator or a text in double quotes at column 10$/],
  ['x'.repeat(1_025), /^expected at most 1024 characters$/],
  [Array.from({ length: 33 }, () => 'header:a').join(' or '), /^expected at most 32 tests at column 385$/],
  ['('.repeat(9), /^expected at most 8 levels of brackets and not at column 10$/],
  [`${'not '.repeat(9)}header:a`, /^expected at most 8 levels of brackets and not at column 37$/],
];

for (const [text, problem] of REFUSALS) {
  test(`${JSON.stringify(text.slice(0, 40))} is refused with its place`, () => {
    const parsed = parseMatchExpression(text);
    assert.match('problem' in parsed ? parsed.problem : 'no problem', problem);
  });
}

test('no text makes it throw, and what it takes can be compiled', () => {
  const word = fc.constantFrom(
    'header:a',
    'and',
    'or',
    'not',
    '(',
    ')',
    '=',
    '^=',
    '~',
    '"x"',
    'method',
    'source',
    'GET',
    '"',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(word).map((words) => words.join(' ')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseMatchExpression(text);
      if ('value' in parsed) compileMatch(parsed.value);
    }),
    { numRuns: 500 },
  );
});

function format(match: RequestMatch): string {
  if (match.kind === 'value') return `${match.of}:${match.name}`;
  if (match.kind === 'not') return `not (${format(match.term)})`;
  if (match.kind === 'method') return `method = ${match.methods.join(',')}`;
  if (match.kind === 'source') return `source = ${match.networks.join(',')}`;
  return `(${match.terms.map(format).join(` ${match.kind} `)})`;
}

test('brackets mean what they enclose', () => {
  const leaf = fc.constantFrom<RequestMatch>(
    { kind: 'value', of: 'header', name: 'a', test: 'present', value: '' },
    { kind: 'value', of: 'cookie', name: 'B', test: 'present', value: '' },
    { kind: 'method', methods: ['GET'] },
  );
  const tree = fc.letrec<{ readonly tree: RequestMatch }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.record({ kind: fc.constant('not' as const), term: tie('tree') }),
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        terms: fc.array(tie('tree'), { minLength: 2, maxLength: 2 }),
      }),
    ),
  })).tree;
  fc.assert(
    fc.property(tree, (match) =>
      assert.deepEqual(parseMatchExpression(format(match)), { value: structuredClone(match) }),
    ),
  );
});
