/** How long OpenSSL's form of what upstreams trust and show is kept, and who shares one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UpstreamTlsConfig } from '../../../src/model/proxy-config.ts';
import { UpstreamContexts } from '../../../src/proxy/tls/upstream-contexts.ts';
import { upstreamTls } from '../../support/proxy-config.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

const SHOP = { certPem: SHOP_CERT, keyPem: SHOP_KEY, fingerprint: 'A', dnsNames: [], notAfter: 0 };
const OTHER = { certPem: OTHER_CERT, keyPem: OTHER_KEY, fingerprint: 'A', dnsNames: [], notAfter: 0 };

test('what trusts and shows the same shares a context, whatever name it expects', () => {
  const contexts = new UpstreamContexts();
  const config = upstreamTls(SHOP_CERT, { clientCertificate: SHOP });
  const context = contexts.contextFor(config);
  assert.equal(contexts.contextFor(structuredClone(config)), context);
  assert.equal(contexts.contextFor({ ...config, serverName: 'a.example', verify: false }), context);
  assert.equal(contexts.size, 1);
});

const differences: readonly (readonly [name: string, part: Partial<UpstreamTlsConfig>])[] = [
  ['authorities', { caPem: OTHER_CERT }],
  ['client certificate', { clientCertificate: OTHER }],
  ['no client certificate', { clientCertificate: null }],
  ['version', { maxVersion: 'TLSv1.2' }],
  ['ciphers', { ciphers: 'HIGH' }],
];

for (const [name, part] of differences) {
  test(`another ${name} is another context`, () => {
    const contexts = new UpstreamContexts();
    const config = upstreamTls(SHOP_CERT, { clientCertificate: SHOP });
    assert.notEqual(contexts.contextFor(config), contexts.contextFor({ ...config, ...part }));
  });
}

test('no more contexts are kept than may be', () => {
  const contexts = new UpstreamContexts(2);
  for (const ciphers of ['HIGH', 'AES128', 'AES256']) contexts.contextFor(upstreamTls(null, { ciphers }));
  assert.equal(contexts.size, 2);
});
