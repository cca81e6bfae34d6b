/** How long OpenSSL's form of a certificate is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateTable, type ServedCertificate } from '../../../src/live/certificate-table.ts';
import { SecureContexts } from '../../../src/proxy/tls/secure-contexts.ts';
import { certificateConfig } from '../../support/proxy-config.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

const SHOP = { certPem: SHOP_CERT, keyPem: SHOP_KEY };
const OTHER = { certPem: OTHER_CERT, keyPem: OTHER_KEY };

function served(table: CertificateTable, name: string): ServedCertificate {
  const certificate = table.certificateFor(name);
  assert.ok(certificate);
  return certificate;
}

test('a certificate keeps its context from generation to generation', () => {
  const contexts = new SecureContexts();
  const shop = certificateConfig('shop', SHOP, { hosts: ['shop.example'] });
  const first = new CertificateTable([shop], null);
  const context = contexts.contextFor(served(first, 'shop.example'), null);
  const second = new CertificateTable([{ ...shop }, certificateConfig('more', OTHER)], first);
  assert.equal(contexts.contextFor(served(second, 'shop.example'), null), context);
  const renewed = new CertificateTable([{ ...shop, ...OTHER }], second);
  assert.notEqual(contexts.contextFor(served(renewed, 'shop.example'), null), context);
});

test('contexts of certificates that are gone are given up', () => {
  const contexts = new SecureContexts();
  const shop = certificateConfig('shop', SHOP, { hosts: ['shop.example'] });
  const other = certificateConfig('other', OTHER, { hosts: ['other.example'] });
  const both = new CertificateTable([shop, other], null);
  const kept = contexts.contextFor(served(both, 'other.example'), null);
  contexts.contextFor(served(both, 'shop.example'), null);
  assert.equal(contexts.size, 2);
  const one = new CertificateTable([other], both);
  contexts.retain(one);
  assert.equal(contexts.size, 1);
  assert.equal(contexts.contextFor(served(one, 'other.example'), null), kept);
});

test('thousands of names take a bounded number of contexts, and those used last stay', () => {
  const contexts = new SecureContexts(100);
  const certificates = Array.from({ length: 2_000 }, (_, index) =>
    certificateConfig(`c${index}`, SHOP, { hosts: [`h${index}.example`] }),
  );
  const table = new CertificateTable(certificates, null);
  const busy = contexts.contextFor(served(table, 'h0.example'), null);
  for (let index = 1; index < 2_000; index++) {
    contexts.contextFor(served(table, `h${index}.example`), null);
    if (index % 50 === 0) assert.equal(contexts.contextFor(served(table, 'h0.example'), null), busy);
    assert.ok(contexts.size <= 100);
  }
  assert.equal(contexts.size, 100);
});

test('a broken certificate is found at its first use, and harms no other', () => {
  const contexts = new SecureContexts();
  const broken = { certPem: SHOP_CERT, keyPem: OTHER_KEY, fingerprint: 'broken' };
  assert.throws(() => contexts.contextFor(broken, null), /key values mismatch/);
  assert.throws(() => contexts.contextFor(broken, null), /key values mismatch/);
  assert.equal(contexts.size, 0);
  contexts.contextFor({ ...SHOP, fingerprint: 'shop' }, null);
  assert.equal(contexts.size, 1);
});
