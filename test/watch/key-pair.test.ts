/** Key pairs are checked as far as they can be before the first handshake, and messages never hold key material. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseKeyPair } from '../../src/watch/key-pair.ts';
import { ENCRYPTED_KEY, OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY, WEAK_CERT, WEAK_KEY } from './key-pair-fixtures.ts';

test('a key pair comes out with fingerprint, lower-case DNS names and expiry', () => {
  const result = parseKeyPair(SHOP_CERT, SHOP_KEY);
  assert.ok('keyPair' in result);
  assert.deepEqual(result.keyPair.dnsNames, ['shop.example', '*.shop.example']);
  assert.match(result.keyPair.fingerprint, /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.ok(result.keyPair.notAfter > Date.parse('2100-01-01'));
});

test('the common name counts where there are no alternative names', () => {
  const result = parseKeyPair(OTHER_CERT, OTHER_KEY);
  assert.ok('keyPair' in result);
  assert.deepEqual(result.keyPair.dnsNames, ['other.example']);
});

test('text between and around the blocks of a chain is left out', () => {
  const result = parseKeyPair(`subject=shop\n${SHOP_CERT}\nissuer=other\n${OTHER_CERT}`, SHOP_KEY);
  assert.ok('keyPair' in result);
  assert.equal(result.keyPair.certPem, SHOP_CERT + OTHER_CERT);
});

const cases: readonly { name: string; cert: string; key: string; error: RegExp }[] = [
  { name: 'no certificate', cert: 'nothing', key: SHOP_KEY, error: /has no -----BEGIN CERTIFICATE----- block/ },
  { name: 'a cut certificate', cert: SHOP_CERT.slice(0, 300), key: SHOP_KEY, error: /has no -----BEGIN/ },
  {
    name: 'a garbled second certificate',
    cert: `${SHOP_CERT}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
    key: SHOP_KEY,
    error: /certificate 2 of 2 in the chain cannot be read/,
  },
  { name: 'no key', cert: SHOP_CERT, key: '', error: /private key cannot be read/ },
  { name: 'an encrypted key', cert: SHOP_CERT, key: ENCRYPTED_KEY, error: /encrypted; store it without/ },
  { name: 'a foreign key', cert: SHOP_CERT, key: OTHER_KEY, error: /does not belong to the certificate/ },
  { name: 'the leaf not first', cert: OTHER_CERT + SHOP_CERT, key: SHOP_KEY, error: /belongs to certificate 2/ },
  { name: 'a key too small for TLS', cert: WEAK_CERT, key: WEAK_KEY, error: /cannot be used for TLS \(.*too small/ },
  { name: 'a huge certificate', cert: 'x'.repeat(300_000), key: SHOP_KEY, error: /more than 262144 characters/ },
  { name: 'a huge key', cert: SHOP_CERT, key: 'x'.repeat(70_000), error: /more than 65536 characters/ },
];

for (const { name, cert, key, error } of cases) {
  test(`${name} is an error that says so`, () => {
    const result = parseKeyPair(cert, key);
    assert.ok('error' in result);
    assert.match(result.error, error);
  });
}

test('no damaged key pair throws, and no error repeats a part of the key', () => {
  const position = fc.nat(SHOP_KEY.length - 1);
  fc.assert(
    fc.property(fc.string(), position, fc.boolean(), (noise, at, inKey) => {
      const damaged = (pem: string) => pem.slice(0, at) + noise + pem.slice(at + 1);
      const result = parseKeyPair(inKey ? SHOP_CERT : damaged(SHOP_CERT), inKey ? damaged(SHOP_KEY) : SHOP_KEY);
      if ('keyPair' in result) return;
      const lines = SHOP_KEY.split('\n').filter((line) => line !== '' && !line.startsWith('-'));
      for (const line of lines) assert.ok(!result.error.includes(line.slice(0, 16)));
    }),
  );
});
