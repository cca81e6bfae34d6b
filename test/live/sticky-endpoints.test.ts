/**
 * Keys of session cookies lead where they led before the migration: names, keys and pods below are those of an existing
 * installation of the nginx dialect.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Upstream } from '../../src/balancer/upstream.ts';
import { StickyEndpoints, toAffinityName } from '../../src/live/sticky-endpoints.ts';
import type { EndpointAddress } from '../../src/model/proxy-config.ts';
import { upstreamConfig } from '../support/proxy-config.ts';

const NAME = 'default-web-80';
const A = '10.0.0.1:8080';
const B = '10.0.0.2:8080';
const C = '10.0.0.3:8080';
const D = '10.0.0.4:8080';

function toAddress(id: string): EndpointAddress {
  const [address = '', port = ''] = id.split(':');
  return { address, port: Number(port), weight: 1 };
}

const noTransport = (): { openCount: number; idleCount: number; close(): void; retire(): void } => ({
  openCount: 0,
  idleCount: 0,
  close: () => undefined,
  retire: () => undefined,
});

function upstreamOf(addresses: readonly EndpointAddress[]): Upstream {
  const upstream = new Upstream('default/web/80', 'round-robin', 1);
  upstream.update(addresses, noTransport);
  return upstream;
}

function stickyOf(...ids: readonly string[]): StickyEndpoints {
  return new StickyEndpoints(upstreamOf(ids.map(toAddress)), NAME);
}

const KEYS: readonly (readonly [key: string, among: readonly string[], leadsTo: string])[] = [
  ['1700000001.123.45.678901', [A, B, C], C],
  ['1700000002.123.46.1', [A, B, C], A],
  ['alice', [A, B, C], C],
  ['bob', [A, B, C], A],
  ['203.0.113.9', [A, B, C], C],
  ['k1', [A, B, C], B],
  ['k2', [A, B, C], C],
  ['k5', [A, B, C], B],
  ['k11', [A, B, C], B],
  ['k1', [A, C], A],
  ['k2', [A, C], C],
  ['k5', [A, C], A],
  ['k11', [A, C], C],
  ['k1', [A, B, C, D], D],
  ['k2', [A, B, C, D], D],
  ['k5', [A, B, C, D], D],
  ['k11', [A, B, C, D], B],
];

for (const [key, among, leadsTo] of KEYS) {
  test(`balanced key ${key} among ${among.length} endpoints${among.includes(B) ? '' : ' without the second'}`, () => {
    assert.equal(stickyOf(...among).findBalanced(key)?.id, leadsTo);
  });
}

for (const [name, hash] of [
  ['default-web-80', '6cde5721ec2c7e2bce07cff7d0e4ac37'],
  ['default-web-canary-80', 'e482c7b8bf59ee2b66362270b4da4a46'],
] as const) {
  test(`cookies call ${name} ${hash}`, () => {
    assert.equal(new StickyEndpoints(upstreamOf([]), name).hash, hash);
  });
}

for (const [id, key] of [
  [A, '0aa3b49d3795ad62718deaa56ec75fae'],
  [B, 'e3420c7e8e6f123f9dd2657d35a37d78'],
  [C, '6f90cc4ebce62badea9d3f7944a6c1a9'],
] as const) {
  test(`persistent key of ${id}`, () => {
    const sticky = stickyOf(A, B, C);
    const endpoint = sticky.findPersistent(key);
    assert.ok(endpoint !== null);
    assert.deepEqual([endpoint.id, sticky.persistentKey(endpoint)], [id, key]);
  });
}

test('a persistent key whose endpoint is gone leads nowhere, and neither does any other text', () => {
  const sticky = stickyOf(A, C);
  assert.equal(sticky.findPersistent('e3420c7e8e6f123f9dd2657d35a37d78'), null);
  assert.equal(sticky.findPersistent('alice'), null);
});

test('without endpoints no key leads anywhere', () => {
  const sticky = stickyOf();
  assert.equal(sticky.findBalanced('alice'), null);
  assert.equal(sticky.findPersistent('alice'), null);
});

test('changes of the endpoints are seen at the next request', () => {
  const upstream = upstreamOf([A, B, C].map(toAddress));
  const sticky = new StickyEndpoints(upstream, NAME);
  assert.equal(sticky.findBalanced('k1')?.id, B);
  assert.equal(sticky.findPersistent('e3420c7e8e6f123f9dd2657d35a37d78')?.id, B);
  upstream.update([A, C].map(toAddress), noTransport);
  assert.equal(sticky.findBalanced('k1')?.id, A);
  assert.equal(sticky.findPersistent('e3420c7e8e6f123f9dd2657d35a37d78'), null);
  upstream.update([A, B, C].map(toAddress), noTransport);
  assert.equal(sticky.findBalanced('k1')?.id, B);
});

test('an unhealthy endpoint keeps nobody, and gets its clients back when it is healthy again', () => {
  const upstream = upstreamOf([A, B, C].map(toAddress));
  const sticky = new StickyEndpoints(upstream, NAME);
  upstream.applyVerdicts([{ endpointId: B, healthy: false, reason: 'status 500' }]);
  assert.equal(sticky.findBalanced('k1')?.id, A);
  upstream.applyVerdicts([{ endpointId: B, healthy: true, reason: '' }]);
  assert.equal(sticky.findBalanced('k1')?.id, B);
});

test('a draining endpoint keeps its clients while it is healthy', () => {
  const upstream = upstreamOf([toAddress(A), { ...toAddress(B), draining: true }, toAddress(C)]);
  const sticky = new StickyEndpoints(upstream, NAME);
  assert.deepEqual(
    upstream.available.map(({ id }) => id),
    [A, C],
  );
  assert.equal(sticky.findBalanced('k1')?.id, B);
  assert.equal(sticky.findPersistent('e3420c7e8e6f123f9dd2657d35a37d78')?.id, B);
  upstream.applyVerdicts([{ endpointId: B, healthy: false, reason: 'status 500' }]);
  assert.equal(sticky.findBalanced('k1')?.id, A);
});

test('an upstream is called by namespace, service and port as written; a static one by its name', () => {
  const backend = { namespace: 'default', service: 'web', port: 80 };
  assert.equal(toAffinityName({ ...upstreamConfig('default/web/80'), backend }), NAME);
  const named = { ...backend, port: 'http' };
  assert.equal(toAffinityName({ ...upstreamConfig('default/web/http|x'), backend: named }), 'default-web-http');
  assert.equal(toAffinityName(upstreamConfig('shop')), 'shop');
});
