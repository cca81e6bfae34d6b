/** Gates of releases: what their texts mean, which defaults stay, and where they are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseGates } from '../../src/model/release.ts';
import {
  DEFAULT_RELEASE_GATES,
  formatReleaseGates,
  NO_RELEASE_GATES,
  parseReleaseGates,
} from '../../src/model/release-gates.ts';
import { arbitraryGates } from '../support/arbitrary-release.ts';

test('without a word, errors may be one percentage point above stable, and a step needs 100 requests', () => {
  assert.equal(formatReleaseGates(DEFAULT_RELEASE_GATES), 'errors <= +1%, requests >= 100');
});

const MEANINGS: readonly (readonly [text: string, gates: Partial<ReleaseGates>])[] = [
  ['errors <= +1%', {}],
  ['errors<=+0.125%', { errorDifference: 0.001_25 }],
  ['errors <= +0%', { errorDifference: 0 }],
  ['errors <= any', { errorDifference: null }],
  ['requests >= 500', { minRequests: 500 }],
  ['failures <= 50', { maxFailures: 50 }],
  ['failures <= any', { maxFailures: null }],
  ['p95 <= any', {}],
  [
    ' p99 <= 2x ,\n p95 <= 1.5x, p50<=1x',
    {
      latencyRatios: [
        { quantile: 0.5, ratio: 1 },
        { quantile: 0.95, ratio: 1.5 },
        { quantile: 0.99, ratio: 2 },
      ],
    },
  ],
  ['none', NO_RELEASE_GATES],
];

for (const [text, gates] of MEANINGS) {
  test(`the gates ${JSON.stringify(text)} are understood`, () => {
    assert.deepEqual(parseReleaseGates(text), { value: { ...DEFAULT_RELEASE_GATES, ...gates } });
  });
}

const REFUSALS: readonly (readonly [text: string, problem: RegExp])[] = [
  ['', /^gate 1 is ""; expected NAME <= VALUE with a name of errors, p50, .* or none alone$/],
  ['error <= +1%', /^gate 1 is "error <= \+1%"; expected NAME <= VALUE/],
  ['errors', /^gate 1 is "errors"; expected NAME/],
  ['errors = +1%', /^gate 1 is/],
  ['constructor <= 1', /^gate 1 is/],
  ['errors <= +1% p95 <= 2x', /^gate 1 is/],
  ['p95 <= 2x, none', /^gate 2 is "none"; expected/],
  ['errors >= +1%', /^gate 1 is "errors >= \+1%"; expected errors <=$/],
  ['requests <= 100', /^gate 1 is "requests <= 100"; expected requests >=$/],
  [
    'errors <= 1%',
    /^gate 1 has "1%" for errors; expected \+N%, a number of percentage points .* above stable, or any$/,
  ],
  ['errors <= +1', /^gate 1 has "\+1" for errors/],
  ['errors <= +100%', /^gate 1 has "\+100%" for errors/],
  ['errors <= +-1%', /^gate 1 has/],
  ['errors <= +0.0001%', /^gate 1 has/],
  ['errors <= +1%, p95 <= 0.9x', /^gate 2 has "0.9x" for p95; expected Nx, a factor from 1 to 100/],
  ['p95 <= 101x', /^gate 1 has "101x" for p95/],
  ['p95 <= 2', /^gate 1 has "2" for p95/],
  ['requests >= 1.5', /^gate 1 has "1.5" for requests; expected a whole number from 0 to 1000000000$/],
  ['requests >= any', /^gate 1 has "any" for requests/],
  ['failures <= 1000000001', /^gate 1 has "1000000001" for failures/],
  ['p95 <= 2x, p95 <= 3x', /^gate 2 says p95 again; expected each gate once$/],
  [' '.repeat(1_025), /^expected at most 1024 characters$/],
];

for (const [text, problem] of REFUSALS) {
  test(`the gates ${JSON.stringify(text.slice(0, 40))} are refused`, () => {
    const parsed = parseReleaseGates(text);
    assert.match('problem' in parsed ? parsed.problem : JSON.stringify(parsed), problem);
  });
}

test('all gates are read as they were written', () => {
  fc.assert(
    fc.property(arbitraryGates(), (value) => assert.deepEqual(parseReleaseGates(formatReleaseGates(value)), { value })),
  );
});

test('no text makes the reader throw', () => {
  const piece = fc.constantFrom('errors', 'p95', '<=', '>=', '+1%', '2x', ',', ' ', 'none', 'any', '\u0000', '\ud800');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece).map((pieces) => pieces.join('')),
  );
  fc.assert(fc.property(text, (hostile) => assert.ok(typeof parseReleaseGates(hostile) === 'object')));
});
