/** What is read from session cookies and what they look like, attribute by attribute. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { toCookieTime } from '../../src/live/cookie-time.ts';
import { LiveAffinity } from '../../src/live/live-affinity.ts';
import { type CookieAffinity, DEFAULT_COOKIE_AFFINITY } from '../../src/model/affinity.ts';

const NOW_AT = Date.UTC(2010, 10, 18, 11, 27, 35);
const COOKIE = { key: 'k', upstreamHash: 'h' };

function affinity(part: Partial<CookieAffinity> = {}, routePath = '/'): LiveAffinity {
  return new LiveAffinity({ ...DEFAULT_COOKIE_AFFINITY, ...part }, routePath);
}

const WRITTEN: readonly (readonly [expected: string, part?: Partial<CookieAffinity>, secure?: boolean])[] = [
  ['INGRESSCOOKIE=k|h; Path=/; HttpOnly'],
  ['INGRESSCOOKIE=k|h; Path=/; Secure; HttpOnly', {}, true],
  ['route=k|h; Path=/; HttpOnly', { name: 'route' }],
  ['INGRESSCOOKIE=k|h; Expires=Thu, 18-Nov-10 11:27:36 GMT; Path=/; HttpOnly', { expiresSeconds: 1 }],
  ['INGRESSCOOKIE=k|h; Expires=Thu, 18-Nov-10 11:27:35 GMT; Path=/; HttpOnly', { expiresSeconds: 0 }],
  ['INGRESSCOOKIE=k|h; Max-Age=0; Path=/; HttpOnly', { maxAgeSeconds: 0 }],
  ['INGRESSCOOKIE=k|h; Domain=shop.example; Path=/; HttpOnly', { domain: 'shop.example' }],
  ['INGRESSCOOKIE=k|h; Path=/a/b; HttpOnly', { path: '/a/b' }],
  ['INGRESSCOOKIE=k|h; Path=/; Secure; HttpOnly', { alwaysSecure: true }],
  ['INGRESSCOOKIE=k|h; Path=/; HttpOnly; SameSite=Lax', { sameSite: 'Lax' }],
  [
    'S=k|h; Expires=Sat, 20-Nov-10 11:27:35 GMT; Max-Age=172800; Domain=d.example; Path=/x; Secure; HttpOnly; SameSite=None',
    { name: 'S', expiresSeconds: 172_800, maxAgeSeconds: 172_800, domain: 'd.example', path: '/x', sameSite: 'None' },
    true,
  ],
];

for (const [expected, part, secure = false] of WRITTEN) {
  test(`${JSON.stringify(part ?? {})}${secure ? ' over TLS' : ''} is written as ${expected}`, () => {
    assert.equal(affinity(part).toSetCookie(COOKIE, secure, true, NOW_AT), expected);
  });
}

for (const [routePath, path] of [
  ['/shop', '/shop'],
  ['/shop/', '/shop/'],
  ['/a%20b', '/a%20b'],
  ['/a;Domain=evil.example', '/'],
  ['', '/'],
] as const) {
  test(`the cookie of a route for "${routePath}" is for ${path}`, () => {
    assert.equal(
      affinity({}, routePath).toSetCookie(COOKIE, false, true, NOW_AT),
      `INGRESSCOOKIE=k|h; Path=${path}; HttpOnly`,
    );
  });
}

test('SameSite=None is left out for browsers that must not see it', () => {
  const conditional = affinity({ sameSite: 'None', conditionalSameSiteNone: true });
  assert.equal(conditional.asksForBrowser, true);
  assert.equal(conditional.toSetCookie(COOKIE, false, false, NOW_AT), 'INGRESSCOOKIE=k|h; Path=/; HttpOnly');
  assert.equal(affinity({ sameSite: 'Lax', conditionalSameSiteNone: true }).asksForBrowser, false);
});

const READ: readonly (readonly [cookies: string | null, key: string | null, upstreamHash?: string])[] = [
  [null, null],
  ['', null],
  ['other=1', null],
  ['INGRESSCOOKIE=k|h', 'k', 'h'],
  ['a=1; INGRESSCOOKIE=k|h; b=2', 'k', 'h'],
  ['a=1;INGRESSCOOKIE=k|h ;b=2', 'k', 'h'],
  ['INGRESSCOOKIE=first|h; INGRESSCOOKIE=last|i', 'last', 'i'],
  ['ingresscookie=k|h', null],
  ['XINGRESSCOOKIE=k|h', null],
  ['INGRESSCOOKIE=k', 'k', ''],
  ['INGRESSCOOKIE=k|', 'k', ''],
  ['INGRESSCOOKIE=k|h|more', 'k', 'h'],
  ['INGRESSCOOKIE=|h', null],
  ['INGRESSCOOKIE=', null],
  ['INGRESSCOOKIE', null],
  [`INGRESSCOOKIE=${'k'.repeat(512)}`, 'k'.repeat(512), ''],
  [`INGRESSCOOKIE=${'k'.repeat(513)}`, null],
];

for (const [cookies, key, upstreamHash = ''] of READ) {
  test(`${JSON.stringify(cookies?.slice(0, 60) ?? null)} says ${key?.slice(0, 8) ?? 'nothing'}`, () => {
    assert.deepEqual(affinity().read(cookies), key === null ? null : { key, upstreamHash });
  });
}

test('whatever a client sends, something of use is read or nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('I', 'N', '=', ';', ' ', '|', 'x') }), (junk) => {
      const found = affinity({ name: 'IN' }).read(junk);
      assert.ok(found === null || found.key !== '');
    }),
  );
});

for (const [at, expected] of [
  [0, 'Thu, 01-Jan-70 00:00:00 GMT'],
  [-1, 'Thu, 01-Jan-70 00:00:00 GMT'],
  [Date.UTC(2037, 11, 31, 23, 59, 59), 'Thu, 31-Dec-37 23:59:59 GMT'],
  [Date.UTC(2038, 0, 1), 'Fri, 01-Jan-2038 00:00:00 GMT'],
  [Number.MAX_VALUE, 'Fri, 31-Dec-9999 23:59:59 GMT'],
] as const) {
  test(`the time ${at} is ${expected}`, () => {
    assert.equal(toCookieTime(at), expected);
  });
}
