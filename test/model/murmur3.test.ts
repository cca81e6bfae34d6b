/** The hash behind buckets: the published vectors, and how evenly it spreads the keys that users really have. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { murmur3 } from '../../src/model/murmur3.ts';

// Vectors for bytes, of which each code unit stands for two.
const VECTORS: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['\u4321\u8765', 0, 0xf55b516b],
  ['\u4321\u8765', 0x5082edee, 0x2362f9de],
  ['\u4321', 0, 0xa0f7b07a],
  ['\u0000\u0000', 0, 0x2362f9de],
  ['\u0000', 0, 0x30f4c306],
];

for (const [text, seed, hash] of VECTORS) {
  test(`${JSON.stringify(text)} with seed ${seed} is ${hash}`, () => assert.equal(murmur3(text, seed) >>> 0, hash));
}

const KEYS = 100_000;
const CELLS = 256;
/** Mean 255, deviation 22.6: ten times in a million tables a fair hash gets this far. */
const MOST = 360;
const LEAST = 170;

const families: Readonly<Record<string, (at: number) => string>> = {
  'counted names': (at) => `user-${at}`,
  numbers: (at) => String(at),
  addresses: (at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
  'hexadecimal words': (at) => (at * 0x9e3779b9).toString(16).padStart(16, '0'),
  'long texts with an end that differs': (at) => `${'session.'.repeat(20)}${at}`,
};

function chiSquare(cellOf: (at: number) => number): number {
  const counts = new Uint32Array(CELLS);
  for (let at = 0; at < KEYS; at++) {
    const cell = cellOf(at);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const expected = KEYS / CELLS;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

for (const [name, keyOf] of Object.entries(families)) {
  test(`${name} spread evenly over the upper and the lower bits`, (t: TestContext) => {
    const seed = murmur3('shop/next', 0);
    const upper = chiSquare((at) => murmur3(keyOf(at), seed) >>> 24);
    const lower = chiSquare((at) => murmur3(keyOf(at), seed) & 255);
    t.diagnostic(`chi-square with 255 degrees of freedom: upper bits ${upper.toFixed(1)}, lower ${lower.toFixed(1)}`);
    for (const found of [upper, lower]) assert.ok(found > LEAST && found < MOST, `${found}`);
  });
}

test('who comes first under one seed says nothing of another', (t: TestContext) => {
  const [one, two] = [murmur3('release-1', 0), murmur3('release-2', 0)];
  const found = chiSquare((at) => {
    const key = `user-${at}`;
    return ((murmur3(key, one) >>> 28) << 4) | (murmur3(key, two) >>> 28);
  });
  t.diagnostic(`chi-square with 255 degrees of freedom: ${found.toFixed(1)}`);
  assert.ok(found > LEAST && found < MOST, `${found}`);
});
