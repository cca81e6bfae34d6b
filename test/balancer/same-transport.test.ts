/** Which changes of an upstream make its connections useless for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameTransport } from '../../src/balancer/same-transport.ts';
import type { TransportConfig, UpstreamTlsConfig } from '../../src/model/proxy-config.ts';

const pair = { certPem: 'cert', keyPem: 'key', fingerprint: 'AA', dnsNames: [], notAfter: 0 };

const tls: UpstreamTlsConfig = {
  serverName: 'a.example',
  sendServerName: true,
  verify: true,
  verifyDepth: 1,
  caPem: 'ca',
  clientCertificate: pair,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: '',
};

const base: TransportConfig = { protocol: 'http1', tls, sendProxyProtocol: 'off' };

/** One for each field. */
const tlsChanges: Readonly<Record<keyof UpstreamTlsConfig, Partial<UpstreamTlsConfig>>> = {
  serverName: { serverName: 'b.example' },
  sendServerName: { sendServerName: false },
  verify: { verify: false },
  verifyDepth: { verifyDepth: 2 },
  caPem: { caPem: null },
  clientCertificate: { clientCertificate: { ...pair, keyPem: 'another' } },
  minVersion: { minVersion: 'TLSv1.3' },
  maxVersion: { maxVersion: 'TLSv1.2' },
  ciphers: { ciphers: 'AES256' },
};

test('equal configurations are the same, whatever objects they are', () => {
  assert.equal(isSameTransport(base, structuredClone(base)), true);
  assert.equal(isSameTransport({ ...base, tls: null }, { ...base, tls: null }), true);
});

test('every field makes a difference', () => {
  assert.equal(isSameTransport(base, { ...base, protocol: 'http2' }), false);
  assert.equal(isSameTransport(base, { ...base, sendProxyProtocol: 'v1' }), false);
  assert.equal(isSameTransport(base, { ...base, tls: null }), false);
  for (const [field, part] of Object.entries(tlsChanges)) {
    assert.equal(isSameTransport(base, { ...base, tls: { ...tls, ...part } }), false, field);
  }
  assert.equal(isSameTransport(base, { ...base, tls: { ...tls, clientCertificate: null } }), false);
  const chain = { ...pair, certPem: 'another chain' };
  assert.equal(isSameTransport(base, { ...base, tls: { ...tls, clientCertificate: chain } }), false);
});
