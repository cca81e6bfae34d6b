/** Upstreams live on by id, whatever configuration comes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Place, Ticked } from '../../src/balancer/admission.ts';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import type { Endpoint, EndpointTransport } from '../../src/balancer/endpoint.ts';
import type { Upstream } from '../../src/balancer/upstream.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { PLAIN_TRANSPORT, type UpstreamConfig } from '../../src/model/proxy-config.ts';
import { Roster } from '../../src/model/roster.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';

function config(id: string, hosts: readonly number[]): UpstreamConfig {
  return {
    id,
    ...PLAIN_TRANSPORT,
    ...DEFAULT_UPSTREAM_POLICY,
    endpoints: hosts.map((host) => ({ address: `10.0.0.${host}`, port: 80, weight: 1 })),
    backend: null,
    source: { kind: 'StaticConfig', namespace: '', name: 'sluice.yaml' },
  };
}

interface Rig {
  readonly registry: UpstreamRegistry;
  readonly created: Endpoint[];
  readonly closed: Endpoint[];
}

function createRig(seed = 0): Rig {
  const created: Endpoint[] = [];
  const closed: Endpoint[] = [];
  const registry = new UpstreamRegistry((endpoint): EndpointTransport => {
    created.push(endpoint);
    return { idleCount: 0, openCount: 0, close: () => closed.push(endpoint), retire: () => undefined };
  }, seed);
  return { registry, created, closed };
}

function idsOf(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map((endpoint) => `${endpoint.upstreamId} ${endpoint.id}`);
}

test('an upstream and its endpoints keep their identity across configurations', () => {
  const { registry, created } = createRig();
  const first = registry.ensure(config('shop', [1, 2]));
  const [, kept] = first.endpoints;
  const second = registry.ensure(config('shop', [2, 3]));
  assert.equal(second, first);
  assert.equal(registry.get('shop'), first);
  assert.equal(second.endpoints[0], kept);
  assert.deepEqual(idsOf(created), ['shop 10.0.0.1:80', 'shop 10.0.0.2:80', 'shop 10.0.0.3:80']);
});

test('the same address in two upstreams is two endpoints', () => {
  const { registry } = createRig();
  const shop = registry.ensure(config('shop', [1]));
  const cart = registry.ensure(config('cart', [1]));
  assert.notEqual(shop.endpoints[0], cart.endpoints[0]);
  assert.deepEqual([...registry.all()], [shop, cart]);
});

test('what is not retained is dropped and its transports are closed once', () => {
  const { registry, closed } = createRig();
  const shop = registry.ensure(config('shop', [1, 2]));
  const cart = registry.ensure(config('cart', [1]));
  registry.retain(new Set(['cart', 'unknown']));
  registry.retain(new Set(['cart']));
  assert.deepEqual(idsOf(closed), ['shop 10.0.0.1:80', 'shop 10.0.0.2:80']);
  assert.deepEqual(
    closed.map((endpoint) => endpoint.removed),
    [true, true],
  );
  assert.equal(registry.get('shop'), null);
  assert.equal(shop.pick(0, NONE_TRIED), null);
  assert.deepEqual([...registry.all()], [cart]);
  assert.notEqual(registry.ensure(config('shop', [1])), shop);
});

function limitedConfig(id: string, hosts: readonly number[]): UpstreamConfig {
  return { ...config(id, hosts), limits: { ...DEFAULT_UPSTREAM_POLICY.limits, maxRequests: 1 } };
}

/** Somebody who waits there, and never finds room. */
function joinLine({ traffic }: Upstream): () => void {
  const watched = new Roster<Ticked>();
  const clock = { nowMs: 0, watch: (ticked: Ticked) => watched.add(ticked) };
  const place = traffic.admission?.join({ onRoom: () => false, onSentAway: () => undefined }, clock);
  return () => traffic.admission?.leave(place as Place);
}

test('what is dropped keeps its endpoints for those who wait there, and closes them once nobody does', () => {
  const { registry, closed } = createRig();
  const shop = registry.ensure(limitedConfig('shop', [1, 2]));
  const leave = joinLine(shop);
  registry.remove(['shop']);
  assert.equal(registry.get('shop'), null);
  assert.deepEqual([...registry.all()], []);
  registry.onTick(100);
  assert.deepEqual([shop.endpoints.length, closed.length], [2, 0]);
  leave();
  registry.onTick(200);
  registry.onTick(300);
  assert.deepEqual(idsOf(closed), ['shop 10.0.0.1:80', 'shop 10.0.0.2:80']);
  assert.equal(shop.hasEndpoints, false);
});

test('what comes back while somebody waits there is the same upstream, brought up to date', () => {
  const { registry, closed } = createRig();
  const shop = registry.ensure(limitedConfig('shop', [1, 2]));
  const leave = joinLine(shop);
  registry.retain(new Set());
  assert.equal(registry.ensure(limitedConfig('shop', [2, 3])), shop);
  leave();
  registry.onTick(100);
  assert.deepEqual(idsOf(closed), ['shop 10.0.0.1:80']);
  assert.deepEqual(idsOf(shop.endpoints), ['shop 10.0.0.2:80', 'shop 10.0.0.3:80']);
  assert.equal(registry.get('shop'), shop);
});

test('an endpoint change replaces the list of its upstream', () => {
  const { registry, closed } = createRig();
  const shop = registry.ensure(config('shop', [1, 2]));
  const endpoints = [{ address: '10.0.0.2', port: 80, weight: 4 }];
  assert.equal(registry.applyEndpoints({ upstreamId: 'shop', endpoints }), true);
  assert.deepEqual(
    shop.endpoints.map((endpoint) => `${endpoint.id} ${endpoint.weight}`),
    ['10.0.0.2:80 4'],
  );
  assert.deepEqual(idsOf(closed), ['shop 10.0.0.1:80']);
  assert.equal(registry.applyEndpoints({ upstreamId: 'unknown', endpoints }), false);
});

test('another transport reaches endpoints that stay, and nothing else about them changes', () => {
  const { registry, created, closed } = createRig();
  const shop = registry.ensure(config('shop', [1, 2]));
  const [first] = shop.endpoints;
  const before = first?.transport;
  const http2 = { ...config('shop', [1, 3]), protocol: 'http2' as const };
  registry.ensure(http2);
  assert.equal(shop.endpoints[0], first);
  assert.notEqual(first?.transport, before);
  assert.deepEqual(idsOf(closed).toSorted(), ['shop 10.0.0.1:80', 'shop 10.0.0.2:80', 'shop 10.0.0.2:80']);
  assert.equal(created.length, 5);
  registry.ensure(structuredClone(http2));
  assert.equal(created.length, 5);
});

test('health changes reach their upstreams, unknown ones are ignored', () => {
  const { registry } = createRig();
  const shop = registry.ensure(config('shop', [1, 2, 3]));
  const cart = registry.ensure(config('cart', [1, 2]));
  const down = { healthy: false, reason: 'status 500' };
  registry.applyHealth([
    { upstreamId: 'shop', endpointId: '10.0.0.1:80', ...down },
    { upstreamId: 'cart', endpointId: '10.0.0.2:80', ...down },
    { upstreamId: 'shop', endpointId: '10.0.0.3:80', ...down },
    { upstreamId: 'shop', endpointId: '10.0.0.9:80', ...down },
    { upstreamId: 'unknown', endpointId: '10.0.0.1:80', ...down },
  ]);
  assert.deepEqual(idsOf(shop.available), ['shop 10.0.0.2:80']);
  assert.deepEqual(idsOf(cart.available), ['cart 10.0.0.1:80']);
});

test('upstreams that share their pods, and workers, do not all begin with the same pod', () => {
  const hosts = Array.from({ length: 50 }, (_, index) => index);
  const first = (seed: number, id: string): string =>
    createRig(seed).registry.ensure(config(id, hosts)).pick(0, NONE_TRIED)?.id ?? '';
  assert.ok(new Set(['a', 'b', 'c', 'd', 'e'].map((id) => first(0, id))).size > 1);
  assert.ok(new Set([1, 2, 3, 4, 5].map((seed) => first(seed, 'a'))).size > 1);
  assert.equal(first(7, 'a'), first(7, 'a'));
});
