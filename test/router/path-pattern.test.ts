/** User patterns: what compiles, what a whole match is, and that the literal prefix never excludes a match. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePathPattern, literalPrefix } from '../../src/router/path-pattern.ts';

test('a pattern that RE2 does not know compiles to null', () => {
  for (const source of ['(', '[', 'a**', '(?=a)', '\\1', 'a{2000}', '(?<n>a)(?<n>b)', '\\']) {
    assert.equal(compilePathPattern(source), null, source);
  }
});

test('a pattern matches the whole text only, also where an earlier alternative would stop short', () => {
  const pattern = compilePathPattern('/a|/ab');
  assert.equal(pattern?.source, '/a|/ab');
  assert.equal(pattern?.matchesWhole('/ab'), true);
  assert.equal(pattern?.matchesWhole('/abc'), false);
  assert.equal(pattern?.matchesWhole('x/ab'), false);
});

test('a pattern that would explode with backtracking stays linear', () => {
  const pattern = compilePathPattern('(/a*)*b');
  assert.equal(pattern?.matchesWhole('/aaaaaaaa'.repeat(2_000)), false);
});

const prefixes: Readonly<Record<string, string>> = {
  '/foo/.*': '/foo/',
  '^/foo(/|$)(.*)': '/foo',
  '(?i)/Foo/[a-z]+': '/foo/',
  '(?i)^/Foo': '/foo',
  '^(?s)/Foo': '/foo',
  '/a\\.b\\-c/\\d+': '/a.b-c/',
  '/foo?': '/fo',
  '/foo*': '/fo',
  '/foo+': '/fo',
  '/foo{2}': '/fo',
  '/foo\\.?': '/foo',
  '/foo|/bar': '',
  '/foo(a|b)': '/foo',
  '/(a|b)|/foo': '',
  '/foo[|]x': '/foo',
  '/foo[]|]x': '/foo',
  '/foo[^]|]x': '/foo',
  '/foo[\\]|]x': '/foo',
  '/foo[[:alpha:](]|x': '',
  '/foo\\Q(\\E|x': '',
  '/foo\\|x': '/foo|x',
  '/foo[|': '',
  '/caf\u00e9': '/caf',
  '/foo\\\u00e9': '/foo',
  '.*': '',
  '': '',
};

for (const [source, expected] of Object.entries(prefixes)) {
  test(`matches of ${JSON.stringify(source)} start with ${JSON.stringify(expected)}`, () => {
    assert.equal(literalPrefix(source), expected);
  });
}
