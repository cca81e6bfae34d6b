/** Names as upstreams get them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toDistinguishedName, toServerName } from '../../../src/proxy/tls/client-identity.ts';

const NAMES: readonly (readonly [lines: string | undefined, name: string])[] = [
  [undefined, ''],
  ['', ''],
  ['CN=alice', 'CN=alice'],
  ['C=DE\nO=ACME\\, Inc.\nCN=alice', 'CN=alice,O=ACME\\, Inc.,C=DE'],
  ['C=DE\nOU=a + CN=b', 'OU=a+CN=b,C=DE'],
  ['CN=a \\+ b', 'CN=a \\+ b'],
  ['CN=Älice 🙂', 'CN=\\C3\\84lice \\F0\\9F\\99\\82'],
  ['CN=a\r\tb\x7f', 'CN=a\\0D\\09b\\7F'],
];

for (const [lines, name] of NAMES) {
  test(`${JSON.stringify(lines)} is ${name}`, () => assert.equal(toDistinguishedName(lines), name));
}

test('names of the handshake are compared as hosts are', () => {
  const names = ['A.Example', 'a.example.', 'a.example..', '', '.', false, null, undefined] as const;
  assert.deepEqual(names.map(toServerName), ['a.example', 'a.example', 'a.example.', '', '', '', '', '']);
});
