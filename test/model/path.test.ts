/** The normal form of paths: what is decoded, what stays escaped, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeRulePath, normalisePath } from '../../src/model/path.ts';

interface Case {
  readonly name: string;
  readonly path: string;
  readonly expected: string | null;
}

const cases: readonly Case[] = [
  { name: 'a plain path stays as it is', path: '/a/b', expected: '/a/b' },
  { name: 'the root stays as it is', path: '/', expected: '/' },
  { name: 'escaped unreserved characters are decoded', path: '/%41%7a%30%2D%2e%5F%7E', expected: '/Az0-._~' },
  { name: 'other escapes stay, in upper case', path: '/%2f%5c%20%c3%a9', expected: '/%2F%5C%20%C3%A9' },
  { name: 'nothing is decoded twice', path: '/%252e%252e/a', expected: '/%252e%252e/a' },
  { name: 'characters next to letters in ASCII are not letters', path: '/%40%5b%60%7b', expected: '/%40%5B%60%7B' },
  { name: 'slashes are not merged', path: '//a///b//', expected: '//a///b//' },
  { name: 'a single dot segment disappears', path: '/a/./b', expected: '/a/b' },
  { name: 'a final single dot leaves the slash', path: '/a/.', expected: '/a/' },
  { name: 'a double dot removes the segment before it', path: '/a/b/../c', expected: '/a/c' },
  { name: 'a final double dot leaves the slash', path: '/a/b/..', expected: '/a/' },
  { name: 'a double dot that reaches the root is allowed', path: '/a/..', expected: '/' },
  { name: 'a double dot with a trailing slash', path: '/a/../', expected: '/' },
  { name: 'a double dot removes an empty segment', path: '/a//../b', expected: '/a/b' },
  { name: 'escaped dots count as dots', path: '/a/%2e%2E/b/%2e', expected: '/b/' },
  { name: 'half-escaped dots count as dots', path: '/a/.%2e/b', expected: '/b' },
  { name: 'names that start with dots are ordinary', path: '/.well-known/...', expected: '/.well-known/...' },
  { name: 'an escaped slash does not delimit a segment', path: '/a/..%2fb', expected: '/a/..%2Fb' },
  { name: 'going above the root is refused', path: '/..', expected: null },
  { name: 'going above the root later is refused', path: '/a/../../b', expected: null },
  { name: 'a NUL is refused', path: '/a%00b', expected: null },
  { name: 'a cut escape is refused', path: '/a%4', expected: null },
  { name: 'a lone percent sign is refused', path: '/100%', expected: null },
  { name: 'a non-hex escape is refused', path: '/%zz', expected: null },
  { name: 'a sign is not a hex digit', path: '/%-1', expected: null },
  { name: 'a path without a leading slash is refused', path: 'a', expected: null },
  { name: 'an empty path is refused', path: '', expected: null },
];

for (const c of cases) test(c.name, () => assert.equal(normalisePath(c.path), c.expected));

test('normalising twice changes nothing, and no dot segment survives', () => {
  const piece = fc.constantFrom('/', '.', '..', '%2e', '%2F', '%25', '%41', '%c3', 'a', '~', '//');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const once = normalisePath(`/${pieces.join('')}`);
      if (once === null) return;
      assert.equal(normalisePath(once), once);
      assert.ok(!once.split('/').some((segment) => segment === '.' || segment === '..'));
    }),
  );
});

test('any text is answered without throwing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const normal = normalisePath(`/${text}`);
      assert.ok(normal === null || normal.startsWith('/'));
      assert.match(encodeRulePath(text), /^[\x21-\x7e]*$/);
    }),
  );
});

const rules: readonly { readonly name: string; readonly text: string; readonly expected: string }[] = [
  { name: 'a sendable rule path stays as it is', text: "/a!$&'()*+,;=:@|{}%20", expected: "/a!$&'()*+,;=:@|{}%20" },
  { name: 'a rule path may hold spaces and non-ASCII text', text: '/käse bär', expected: '/k%C3%A4se%20b%C3%A4r' },
  { name: 'a question mark in a rule path is part of the path', text: '/a?b#c', expected: '/a%3Fb%23c' },
  { name: 'line breaks in a rule path are encoded', text: '/a\r\nb', expected: '/a%0D%0Ab' },
];

for (const c of rules) test(c.name, () => assert.equal(encodeRulePath(c.text), c.expected));
