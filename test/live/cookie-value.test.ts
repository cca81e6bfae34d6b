/** Reading one cookie out of many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cookieValue } from '../../src/live/cookie-value.ts';

const CASES: readonly { readonly cookies: string; readonly value: string | null }[] = [
  { cookies: 'c=1', value: '1' },
  { cookies: 'a=0; c=1; d=2', value: '1' },
  { cookies: 'a=0;c=1', value: '1' },
  { cookies: 'C=1', value: '1' },
  { cookies: 'c=1; c=2', value: '1' },
  { cookies: 'c=', value: '' },
  { cookies: 'c=a=b', value: 'a=b' },
  { cookies: 'c=1 ', value: '1' },
  { cookies: '\t c=1', value: '1' },
  { cookies: 'xc=1; cx=2', value: null },
  { cookies: 'a=c=1', value: null },
  { cookies: 'c', value: null },
  { cookies: 'c; d=1', value: null },
  { cookies: '', value: null },
  { cookies: ';;;=;c=1', value: '1' },
];

for (const { cookies, value } of CASES) {
  test(`c in ${JSON.stringify(cookies)} is ${JSON.stringify(value)}`, () => {
    assert.equal(cookieValue(cookies, 'c'), value);
  });
}

test('any list of simple cookies gives the first of a name', () => {
  const name = fc.constantFrom('a', 'b', 'Canary', 'canary', 'x-y');
  const value = fc.constantFrom('', 'always', 'never', '1', 'p=q');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), name, (pairs, wanted) => {
      const text = pairs.map(([key, content]) => `${key}=${content}`).join('; ');
      const first = pairs.find(([key]) => key.toLowerCase() === wanted.toLowerCase());
      assert.equal(cookieValue(text, wanted), first?.[1] ?? null);
    }),
  );
});
