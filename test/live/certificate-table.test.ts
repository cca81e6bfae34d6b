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
  const contexts = [exact, wildcard, fallback].map(({ hosts }) => table.contextFor(hosts[0]?.replace('*', 'a') ?? ''));
  assert.equal(new Set(contexts).size, 3);
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
    assert.equal(table.contextFor(name), contexts[index], name);
  }
  assert.equal(table.default, fallback);
});

test('without a default nobody answers for unknown names', () => {
  const table = new CertificateTable([exact], null);
  assert.equal(table.contextFor('unknown.example'), null);
  assert.equal(table.default, null);
});

test('two certificates for one name: the first one counts', () => {
  const table = new CertificateTable([exact, certificateConfig('late', OTHER, { hosts: ['shop.example'] })], null);
  assert.equal(table.contextFor('shop.example'), new CertificateTable([exact], table).contextFor('shop.example'));
});

test('contexts stay while certificate, chain and key stay, and only then', () => {
  const first = new CertificateTable([exact, fallback], null);
  const context = first.contextFor('shop.example');
  const same = new CertificateTable([fallback, { ...exact, hosts: ['shop.example', 'more.example'] }], first);
  assert.equal(same.contextFor('shop.example'), context);
  assert.equal(same.contextFor('more.example'), context);
  const longerChain = { ...exact, certPem: SHOP_CERT + OTHER_CERT };
  assert.notEqual(new CertificateTable([longerChain, fallback], first).contextFor('shop.example'), context);
});

test('a broken certificate is found at its first use, and harms no other', () => {
  const broken = certificateConfig('broken', { certPem: SHOP_CERT, keyPem: OTHER_KEY }, { hosts: ['broken.example'] });
  const table = new CertificateTable([broken, exact], null);
  assert.throws(() => table.contextFor('broken.example'));
  assert.notEqual(table.contextFor('shop.example'), null);
});
