/** Claims of bearer tokens, and everything that is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readClaim } from '../../src/live/jwt-claim.ts';

function token(claims: unknown, scheme = 'Bearer '): string {
  return `${scheme}eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;
}

const CASES: readonly (readonly [name: string, authorization: string | null, claim: string, value: string | null])[] = [
  ['a text', token({ sub: 'alice' }), 'sub', 'alice'],
  ['a number', token({ uid: 42 }), 'uid', '42'],
  ['the scheme in other case', token({ sub: 'alice' }, 'bEARER  '), 'sub', 'alice'],
  ['a claim with a name like an address', token({ 'https://a.example/uid': 'x' }), 'https://a.example/uid', 'x'],
  ['text beyond ASCII', token({ sub: 'Zoë' }), 'sub', 'Zoë'],
  ['a claim that is absent', token({ sub: 'alice' }), 'uid', null],
  ['what every object has', token({ sub: 'alice' }), 'constructor', null],
  ['a list', token({ sub: ['alice'] }), 'sub', null],
  ['claims that are a list', token(['alice']), '0', null],
  ['claims that are null', token(null), 'sub', null],
  ['no header', null, 'sub', null],
  ['another scheme', token({ sub: 'alice' }, 'Basic '), 'sub', null],
  ['a token of one part', 'Bearer abc', 'sub', null],
  ['a token of two parts', 'Bearer abc.eyJzdWIiOiJhIn0', 'sub', null],
  ['no JSON', 'Bearer a.bm9qc29u.c', 'sub', null],
  ['a token too long to look into', token({ sub: 'a', rest: 'x'.repeat(8_192) }), 'sub', null],
];

for (const [name, authorization, claim, value] of CASES) {
  test(`${name}: ${value}`, () => assert.equal(readClaim(authorization, claim), value));
}

test('no header makes it throw', () => {
  fc.assert(fc.property(fc.string(), (rest) => assert.doesNotThrow(() => readClaim(`Bearer ${rest}`, 'sub'))));
  const deep = `Bearer a.${Buffer.from('['.repeat(5_000)).toString('base64url')}.c`;
  assert.equal(readClaim(deep, 'sub'), null);
});
