/** Plain data is compared as `isDeepStrictEqual` would. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { sameContent } from '../../src/model/same-content.ts';

/** Small, so that two of them are often equal or nearly so. */
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(null, undefined, 0, 1, '', 'a', true),
    fc.array(tie('data'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b'), tie('data'), { maxKeys: 2, noNullPrototype: true }),
  ),
}));

test('any two values are the same where a deep comparison finds no difference', () => {
  fc.assert(
    fc.property(data, data, (a, b) => {
      assert.equal(sameContent(a, b), isDeepStrictEqual(a, b));
      assert.equal(sameContent(a, structuredClone(a)), true);
    }),
    { numRuns: 1_000 },
  );
});

test('a field that is absent differs from one that is undefined, and an empty list from an empty object', () => {
  assert.equal(sameContent({ a: undefined }, {}), false);
  assert.equal(sameContent({ a: undefined }, { b: undefined }), false);
  assert.equal(sameContent([], {}), false);
  assert.equal(sameContent({}, []), false);
});
