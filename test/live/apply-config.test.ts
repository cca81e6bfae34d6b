/** What survives a change of configuration, and what a configuration that cannot be applied leaves behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointTransport } from '../../src/balancer/endpoint.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import type { LiveRoute } from '../../src/live/live-route.ts';
import { LiveState } from '../../src/live/live-state.ts';
import { canaryConfig, listenerConfig, proxyConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { requestFacts } from '../support/request-facts.ts';

interface Fixture {
  readonly live: LiveState;
  /** Ids of endpoints whose transport was closed. */
  readonly closed: string[];
}

function fixture(): Fixture {
  const closed: string[] = [];
  const registry = new UpstreamRegistry(
    (endpoint): EndpointTransport => ({
      idleCount: 0,
      openCount: 0,
      close: () => {
        closed.push(endpoint.id);
      },
      retire: () => undefined,
    }),
    1,
  );
  return { live: new LiveState(registry), closed };
}

function match(live: LiveState, host: string, path: string, listener = 'web'): LiveRoute | null {
  return live.current.tables.get(listener)?.match(host, path, path.length, requestFacts()) ?? null;
}

const A = upstreamConfig('a', '10.0.0.1:80', '10.0.0.2:80');
const B = upstreamConfig('b', '10.0.0.3:80');

test('before the first configuration nothing matches', () => {
  assert.equal(match(fixture().live, 'x', '/'), null);
});

test('upstreams, endpoints and counters that stay are the same objects in the next generation', () => {
  const { live, closed } = fixture();
  applyConfig(live, proxyConfig({ generation: 1, upstreams: [A, B], routes: [routeConfig('r', 'a')] }));
  const upstream = live.upstreams.get('a');
  const [first, second] = upstream?.endpoints ?? [];
  const route = match(live, 'x', '/');
  const moved = upstreamConfig('a', '10.0.0.2:80*5', '10.0.0.9:80');
  applyConfig(
    live,
    proxyConfig({
      generation: 2,
      upstreams: [moved],
      routes: [routeConfig('r', 'a'), routeConfig('s', 'a', { host: 's' })],
    }),
  );
  assert.equal(live.current.number, 2);
  assert.equal(live.upstreams.get('a'), upstream);
  assert.equal(upstream?.endpoints[0], second);
  assert.equal(second?.weight, 5);
  assert.equal(first?.removed, true);
  assert.equal(live.upstreams.get('b'), null);
  assert.deepEqual(closed.toSorted(), ['10.0.0.1:80', '10.0.0.3:80']);
  const next = match(live, 'x', '/');
  assert.notEqual(next, route);
  assert.equal(next?.stats, route?.stats);
  assert.equal(
    next?.split.choose(requestFacts(), '192.0.2.1', 0).stats,
    route?.split.choose(requestFacts(), '192.0.2.1', 0).stats,
  );
  assert.equal(live.configApplied, 2);
});

test('counters of a route that is gone are dropped, and begin anew when it comes back', () => {
  const { live } = fixture();
  const withRoute = proxyConfig({ generation: 1, upstreams: [A], routes: [routeConfig('r', 'a')] });
  applyConfig(live, withRoute);
  const before = match(live, 'x', '/')?.stats;
  applyConfig(live, proxyConfig({ generation: 2, upstreams: [A] }));
  assert.equal(live.routeStats.size, 0);
  applyConfig(live, { ...withRoute, generation: 3 });
  assert.notEqual(match(live, 'x', '/')?.stats, before);
});

test('a route is served on the listeners it names, or on all', () => {
  const { live } = fixture();
  applyConfig(
    live,
    proxyConfig({
      generation: 1,
      listeners: [listenerConfig('web'), listenerConfig('other')],
      upstreams: [A],
      routes: [routeConfig('some', 'a', { host: 's', listeners: ['other'] }), routeConfig('all', 'a', { host: 'a' })],
    }),
  );
  assert.equal(match(live, 's', '/', 'web'), null);
  assert.equal(match(live, 's', '/', 'other')?.id, 'some');
  assert.equal(match(live, 'a', '/', 'web')?.id, 'all');
  assert.equal(match(live, 'a', '/', 'other')?.id, 'all');
});

test('connections of a listener that is gone are served the routes of every listener, and no others', () => {
  const { live } = fixture();
  const routes = [
    routeConfig('everywhere', 'a'),
    routeConfig('here', 'a', { path: { kind: 'prefix', value: '/here' }, listeners: ['web'] }),
  ];
  applyConfig(live, proxyConfig({ generation: 1, upstreams: [A], routes }));
  assert.equal(match(live, 'x', '/here', 'web')?.id, 'here');
  assert.equal(match(live, 'x', '/here', 'gone'), null);
  assert.equal(live.current.formerTable?.match('x', '/here', 5, requestFacts())?.id, 'everywhere');
});

test('a configuration that cannot be applied changes nothing', () => {
  const { live, closed } = fixture();
  applyConfig(live, proxyConfig({ generation: 1, upstreams: [A], routes: [routeConfig('r', 'a')] }));
  const { current, routeStats } = live;
  const upstream = live.upstreams.get('a');
  const endpoints = upstream?.endpoints;
  const canaries = [canaryConfig('b', { header: { name: 'x', kind: 'pattern', value: '(' } })];
  const broken = [
    proxyConfig({
      generation: 2,
      upstreams: [upstreamConfig('a', '10.0.0.7:80'), B],
      routes: [routeConfig('r', 'nowhere')],
    }),
    proxyConfig({
      generation: 3,
      upstreams: [upstreamConfig('a', '10.0.0.7:80'), B],
      routes: [routeConfig('r', 'a', { split: { members: [{ upstream: 'a', weight: 1, filters: [] }], canaries } })],
    }),
  ];
  for (const config of broken) {
    assert.throws(() => applyConfig(live, config));
    assert.equal(live.current, current);
    assert.equal(live.routeStats, routeStats);
    assert.equal(live.upstreams.get('a'), upstream);
    assert.equal(upstream?.endpoints, endpoints);
    assert.equal(live.upstreams.get('b'), null);
  }
  assert.deepEqual(
    closed.filter((id) => id !== '10.0.0.3:80'),
    [],
  );
  assert.equal(live.configApplied, 1);
});
