/** Which browsers take `SameSite=None` for something else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isConfusedBySameSiteNone } from '../../src/proxy/same-site-none.ts';

const SAFARI = 'AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Safari/605.1.15';

for (const [userAgent, isConfused] of [
  ['', false],
  ['curl/8.0', false],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/58.0.1 Safari/537.36', true],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0 Safari/537.36', false],
  [`Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) ${SAFARI}`, true],
  [`Mozilla/5.0 (iPad; CPU OS 12_4 like Mac OS X) ${SAFARI}`, true],
  [`Mozilla/5.0 (iPhone; CPU iPhone OS 13_1 like Mac OS X) ${SAFARI}`, false],
  [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) ${SAFARI}`, true],
  [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${SAFARI}`, false],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 Chrome/90.0 Safari/537.36', false],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10.14; rv:70.0) Gecko/20100101 Firefox/70.0', false],
] as const) {
  test(`"${userAgent}" is ${isConfused ? '' : 'not '}confused`, () => {
    assert.equal(isConfusedBySameSiteNone(userAgent), isConfused);
  });
}
