/** Which certificate answers for a name, and what is kept when the configuration changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateTable } from '../../src/live/certificate-table.ts';
import { certificateConfig } from '../support/proxy-config.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

const SHOP = { certPem: SHOP_CERT, keyPem: SHOP_KEY };
const OTHER = { certPem: OTHER_CERT, keyPem: OTHER_KEY };
const exact = certificateConfig('exact', SHOP, { hosts: ['shop.example'] });
const wildcard = certificateConfig('wildcard', SHOP, { hosts: ['*.shop.example'] });
const fallback = certificateConfig('fallback', OTHER, { isDefault: true });

test('the exact name, then one wildcard label, then the default', () => {
  const table = new CertificateTable([wildcard, exact, fallback], null);
  const served = [exact, wildcard, fallback].map(({ hosts }) =>
    table.certificateFor(hosts[0]?.replace('*', 'a') ?? ''),
  );
  assert.equal(new Set(served).size, 3);
  for (const [name, index] of [
    ['shop.example', 0],
    ['SHOP.EXAMPLE.', 0],
    ['a.shop.example', 1],
    ['a.b.shop.example', 2],
    ['.shop.example', 2],
    ['other.example', 2],
    ['', 2],
    ['__proto__', 2],
  ] as const) {
    assert.equal(table.certificateFor(name), served[index], name);
  }
  assert.equal(table.default, served[2]);
});

test('without a default nobody answers for unknown names', () => {
  const table = new CertificateTable([exact], null);
  assert.equal(table.certificateFor('unknown.example'), null);
  assert.equal(table.default, null);
});

test('two certificates for one name: the first one counts', () => {
  const table = new CertificateTable([exact, certificateConfig('late', OTHER, { hosts: ['shop.example'] })], null);
  assert.equal(
    table.certificateFor('shop.example'),
    new CertificateTable([exact], table).certificateFor('shop.example'),
  );
});

test('a certificate stays the same object while leaf, chain and key stay, and only then', () => {
  const first = new CertificateTable([exact, fallback], null);
  const served = first.certificateFor('shop.example');
  assert.ok(served);
  const same = new CertificateTable([fallback, { ...exact, hosts: ['shop.example', 'more.example'] }], first);
  assert.equal(same.certificateFor('shop.example'), served);
  assert.equal(same.certificateFor('more.example'), served);
  assert.equal(same.default, first.default);
  const longerChain = new CertificateTable([{ ...exact, certPem: SHOP_CERT + OTHER_CERT }, fallback], first);
  assert.notEqual(longerChain.certificateFor('shop.example'), served);
  const otherKey = new CertificateTable([{ ...exact, keyPem: OTHER_KEY }, fallback], first);
  assert.notEqual(otherKey.certificateFor('shop.example'), served);
});

test('the table knows what it serves, and no longer what it served before', () => {
  const first = new CertificateTable([exact, fallback], null);
  const served = first.certificateFor('shop.example');
  assert.ok(served);
  assert.equal(first.has(served), true);
  assert.equal(new CertificateTable([fallback], first).has(served), false);
});
