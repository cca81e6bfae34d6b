/** The dump of the running configuration: everything with its source, and no key material. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpConfig } from '../../src/admin/dump-config.ts';
import { DEFAULT_HEALTH_CHECK } from '../../src/model/health-check.ts';
import type { ProxyConfig } from '../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { listenerConfig } from '../support/proxy-config.ts';
import { endpointRow, workerStats } from '../support/worker-stats.ts';

const KEY = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n';
const INGRESS = { kind: 'Ingress', namespace: 'shop', name: 'web' };

const config: ProxyConfig = {
  generation: 7,
  listeners: [listenerConfig('http', { address: '0.0.0.0', port: 8080 })],
  routes: [
    {
      id: 'shop.example/',
      host: 'shop.example',
      path: { kind: 'prefix', value: '/' },
      conditions: null,
      listeners: null,
      filters: [],
      split: { members: [{ upstream: 'shop/web/80', weight: 1, filters: [] }], canaries: [] },
      policy: DEFAULT_ROUTE_POLICY,
      source: INGRESS,
      sourceField: 'spec.rules[0].http.paths[0]',
      location: null,
    },
  ],
  upstreams: [
    {
      id: 'shop/web/80',
      protocol: 'http1',
      tls: {
        serverName: 'web.shop.example',
        sendServerName: true,
        verify: true,
        verifyDepth: 3,
        caPem: '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
        clientCertificate: {
          certPem: '-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n',
          keyPem: KEY,
          fingerprint: 'CC:DD',
          dnsNames: ['sluice.example'],
          notAfter: 1_800_000_000_000,
        },
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        ciphers: '',
      },
      sendProxyProtocol: 'off',
      ...DEFAULT_UPSTREAM_POLICY,
      endpoints: [{ address: '10.0.0.9', port: 8080, weight: 1 }],
      backend: { namespace: 'shop', service: 'web', port: 80 },
      source: { kind: 'Service', namespace: 'shop', name: 'web' },
    },
  ],
  certificates: [
    {
      id: 'shop/tls',
      hosts: ['shop.example'],
      isDefault: false,
      certPem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
      keyPem: KEY,
      fingerprint: 'AA:BB',
      dnsNames: ['shop.example'],
      notAfter: 1_900_000_000_000,
      source: { kind: 'Secret', namespace: 'shop', name: 'tls' },
    },
  ],
  problems: [],
};

test('the dump holds no key material', () => {
  const text = JSON.stringify(dumpConfig(config, []));
  assert.doesNotMatch(text, /PRIVATE KEY|keyPem|MIGHAgEAMBMG|certPem/);
});

test('a certificate is shown by its allow-list of fields', () => {
  assert.deepEqual(dumpConfig(config, []).certificates, [
    {
      id: 'shop/tls',
      hosts: ['shop.example'],
      isDefault: false,
      fingerprint: 'AA:BB',
      dnsNames: ['shop.example'],
      notAfter: 1_900_000_000_000,
      source: { kind: 'Secret', namespace: 'shop', name: 'tls' },
    },
  ]);
});

test('tls towards an upstream is shown with whose certificate is used, and not the certificate', () => {
  assert.deepEqual(dumpConfig(config, []).upstreams[0]?.tls, {
    serverName: 'web.shop.example',
    sendServerName: true,
    verify: true,
    verifyDepth: 3,
    ownAuthorities: true,
    clientCertificate: { fingerprint: 'CC:DD', dnsNames: ['sluice.example'], notAfter: 1_800_000_000_000 },
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: '',
  });
});

test('each route is shown with the object and field it comes from', () => {
  const [route] = dumpConfig(config, []).routes;
  assert.deepEqual(route?.source, INGRESS);
  assert.equal(route?.sourceField, 'spec.rules[0].http.paths[0]');
});

test('without workers the endpoints are those of the configuration, with unknown health', () => {
  const [upstream] = dumpConfig(config, []).upstreams;
  const unknown = {
    healthy: null,
    reason: '',
    weightInForce: null,
    ejected: null,
    ejectedForMs: 0,
    ejections: {},
    latencyMs: null,
    inFlight: 0,
    openConnections: 0,
    lastCheck: null,
  };
  assert.deepEqual(upstream?.endpoints, [{ address: '10.0.0.9', port: 8080, weight: 1, ...unknown }]);
});

const OTHERS = { 'server-errors': 1, 'success-rate': 1 };

test('with workers the endpoints are theirs: added up, and healthy only if all agree', () => {
  const id = '[2001:db8::1]:8080';
  const one = workerStats(1, {
    endpoints: [endpointRow('shop/web/80', id, { inFlight: 1, openConnections: 2, draining: true, ejections: OTHERS })],
  });
  const sick = endpointRow('shop/web/80', id, {
    inFlight: 3,
    healthy: false,
    reason: 'status 500',
    weightInForce: 0,
    draining: true,
    ejected: 'server-errors',
    ejectedForMs: 700,
    ejections: { 'server-errors': 2 },
    latencyMs: 3.5,
  });
  const dump = dumpConfig(config, [one, workerStats(2, { endpoints: [sick] })]);
  assert.deepEqual(dump.upstreams[0]?.endpoints, [
    {
      address: '2001:db8::1',
      port: 8080,
      weight: 1,
      draining: true,
      healthy: false,
      reason: 'status 500',
      weightInForce: 0,
      ejected: 'server-errors',
      ejectedForMs: 700,
      ejections: { 'server-errors': 3, 'success-rate': 1 },
      latencyMs: 3.5,
      inFlight: 4,
      openConnections: 2,
      lastCheck: null,
    },
  ]);
  assert.deepEqual(
    dump.workers.map(({ workerId, generation }) => [workerId, generation]),
    [
      [1, 1],
      [2, 1],
    ],
  );
});

test('an endpoint shows its last check, and a check the names of its headers only', () => {
  const headers = [{ name: 'authorization', value: 'Basic eDp5' }];
  const upstreams = config.upstreams.map((each) => ({ ...each, healthCheck: { ...DEFAULT_HEALTH_CHECK, headers } }));
  const last = { checkedAt: 1_700_000_000_000, latencyMs: 3, reason: 'status 500' };
  const asked: string[] = [];
  const dump = dumpConfig({ ...config, upstreams }, [], (...names) => {
    asked.push(names.join(' '));
    return last;
  });
  assert.deepEqual(dump.upstreams[0]?.endpoints[0]?.lastCheck, last);
  assert.deepEqual(asked, ['shop/web/80 10.0.0.9:8080']);
  assert.deepEqual(dump.upstreams[0]?.healthCheck?.headers, ['authorization']);
  assert.doesNotMatch(JSON.stringify(dump), /eDp5/);
});

test('an upstream that lost all endpoints shows none, whatever the configuration once said', () => {
  assert.deepEqual(dumpConfig(config, [workerStats(1)]).upstreams[0]?.endpoints, []);
});

test('a listener is shown with the fingerprint of the authority it asks for', () => {
  const ca = { pem: '-----BEGIN CERTIFICATE-----', fingerprint: 'AA:BB' };
  const rule = { hosts: ['a.example'], mode: 'require', ca, forwardCertificate: false } as const;
  const listeners = [listenerConfig('web', { trustedProxies: ['::1'], clientCertificates: [rule] })];
  const dump = dumpConfig({ ...config, listeners }, []);
  assert.deepEqual(dump.listeners[0]?.clientCertificates, [
    { hosts: ['a.example'], mode: 'require', caFingerprint: 'AA:BB', forwardCertificate: false },
  ]);
  assert.deepEqual(dump.listeners[0]?.trustedProxies, ['::1']);
});
