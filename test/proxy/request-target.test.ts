/** Targets and authorities that are not a plain path. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isValidAuthority, splitAbsoluteTarget, toRoutingHost } from '../../src/proxy/http1/request-target.ts';

const ABSOLUTE: readonly { readonly raw: string; readonly authority: string; readonly target: string }[] = [
  { raw: 'http://a/x?y', authority: 'a', target: '/x?y' },
  { raw: 'HTTPS://A:80', authority: 'A:80', target: '/' },
  { raw: 'http://a?x=/y', authority: 'a', target: '/?x=/y' },
  { raw: 'http://[::1]:8/x', authority: '[::1]:8', target: '/x' },
  { raw: 'http://a//b', authority: 'a', target: '//b' },
];

for (const { raw, authority, target } of ABSOLUTE) {
  test(`${raw} is ${target} at ${authority}`, () => {
    const pathless = !/[/?]/.test(raw.slice(raw.indexOf('//') + 2));
    assert.deepEqual(splitAbsoluteTarget(raw), { authority, target, pathless });
  });
}

test('other schemes, user information and missing authorities are refused', () => {
  for (const raw of [
    'ftp://a/',
    'http:/a',
    'http:a',
    'http://',
    'http:///x',
    'http://?x',
    'http://u@a/',
    'http://u:p@a',
    '//a',
  ]) {
    assert.equal(splitAbsoluteTarget(raw), null, raw);
  }
});

const ROUTING: readonly (readonly [string, string])[] = [
  ['a.example', 'a.example'],
  ['A.Example:8080', 'a.example'],
  ['a.example.', 'a.example'],
  ['a.example.:80', 'a.example'],
  ['[2001:DB8::1]:80', '[2001:db8::1]'],
  ['[::1]', '[::1]'],
  ['127.0.0.1:1', '127.0.0.1'],
  ['', ''],
];

for (const [authority, host] of ROUTING) {
  test(`${JSON.stringify(authority)} is routed as ${JSON.stringify(host)}`, () => {
    assert.equal(toRoutingHost(authority), host);
  });
}

test('a valid authority is one that a URL parser reads as host and port and nothing else', () => {
  const piece = fc.constantFrom(...'aZ0.-_:[]@/?#\\% ,\xe9'.split(''), '::1', '80');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      (authority) => {
        if (!isValidAuthority(authority)) return;
        assert.match(authority, /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/);
        assert.equal(/[@/?#\\% ,]/.test(toRoutingHost(authority)), false);
      },
    ),
    { numRuns: 2_000 },
  );
});
