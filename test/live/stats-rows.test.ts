/** Counters are read in batches, each when it is asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../../src/balancer/endpoint.ts';
import type { Upstream } from '../../src/balancer/upstream.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { LiveState } from '../../src/live/live-state.ts';
import type { RouteStats } from '../../src/live/route-stats.ts';
import { collectRows } from '../../src/live/stats-rows.ts';
import { listenerConfig, proxyConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';

function createLive(): LiveState {
  const transport = { idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined };
  const live = new LiveState(new UpstreamRegistry(() => transport, 1));
  const ids = ['a', 'b', 'c', 'd', 'e'];
  applyConfig(
    live,
    proxyConfig({
      generation: 1,
      listeners: [listenerConfig('web')],
      upstreams: ids.map((id) => upstreamConfig(id, '10.0.0.1:80', '10.0.0.2:80')),
      routes: ids.map((id) => routeConfig(id, id, { host: `${id}.example` })),
    }),
  );
  return live;
}

for (const size of [1, 2, 3, 4, 7, 100]) {
  test(`batches of ${size} hold every row once, and not many more than that`, () => {
    const batches = [...collectRows(createLive(), size, 'all')];
    const ids = ['a', 'b', 'c', 'd', 'e'];
    assert.deepEqual(
      batches.flatMap(({ routes }) => routes.map(({ routeId }) => routeId)),
      ids,
    );
    assert.deepEqual(
      batches.flatMap(({ upstreams }) => upstreams.map(({ upstreamId }) => upstreamId)),
      ids,
    );
    assert.deepEqual(
      batches.flatMap(({ endpoints }) => endpoints.map(({ upstreamId, endpointId }) => `${upstreamId} ${endpointId}`)),
      ids.flatMap((id) => [`${id} 10.0.0.1:80`, `${id} 10.0.0.2:80`]),
    );
    for (const { routes, upstreams, endpoints } of batches) {
      const rows = routes.length + upstreams.length + endpoints.length;
      assert.ok(rows < size + 3, `${rows} rows`);
    }
  });
}

test('what is few comes as one batch', () => {
  assert.equal([...collectRows(createLive(), 1_000, 'all')].length, 1);
});

test('a batch shows what was counted before it was asked for, and what is gone by then is left out', () => {
  const live = createLive();
  const batches = collectRows(live, 5, 'all');
  batches.next();
  const late = live.upstreams.get('e')?.endpoints[0];
  assert.ok(late);
  late.requests = 7;
  live.upstreams.remove(['c']);
  const rest = [...batches].flatMap(({ endpoints }) => endpoints);
  assert.equal(rest.find(({ upstreamId }) => upstreamId === 'e')?.requests, 7);
  assert.ok(!rest.some(({ upstreamId }) => upstreamId === 'c'));
});

test('a route that a patch takes out and puts back meanwhile comes once', () => {
  const live = createLive();
  const batches = collectRows(live, 2, 'all');
  const first = batches.next().value?.routes ?? [];
  const a = live.routeStats.get('a');
  assert.ok(a);
  live.routeStats.delete('a');
  live.routeStats.set('a', a);
  const rest = [...batches].flatMap(({ routes }) => routes);
  assert.deepEqual(
    [...first, ...rest].map(({ routeId }) => routeId),
    ['a', 'b', 'c', 'd', 'e'],
  );
});

function notableOf(live: LiveState): readonly string[] {
  return [...collectRows(live, 3, 'notable')].flatMap(({ routes, upstreams, endpoints }) => [
    ...routes.map(({ routeId }) => `route ${routeId}`),
    ...upstreams.map(({ upstreamId }) => `upstream ${upstreamId}`),
    ...endpoints.map(({ upstreamId, endpointId }) => `endpoint ${upstreamId} ${endpointId}`),
  ]);
}

test('nothing is notable of what nobody asks for', () => {
  assert.deepEqual(notableOf(createLive()), []);
});

const NOTABLE: readonly {
  readonly name: string;
  readonly make: (live: LiveState, upstream: Upstream, endpoint: Endpoint) => void;
  readonly row: string;
}[] = [
  {
    name: 'a route that answered',
    make: (live) => {
      live.routeStats.get('b')?.statusClasses.splice(1, 1, 1);
    },
    row: 'route b',
  },
  {
    name: 'a route whose client left',
    make: (live) => {
      (live.routeStats.get('b') as RouteStats).clientAborts = 1;
    },
    row: 'route b',
  },
  {
    name: 'a route that copies requests',
    make: (live) => {
      live.routeStats.get('b')?.mirrorCounts();
    },
    row: 'route b',
  },
  { name: 'an upstream that retried', make: (_, { traffic }) => traffic.countRetry('error'), row: 'upstream b' },
  {
    name: 'an upstream whose backup took over',
    make: (_, { traffic }) => {
      traffic.backupRequests = 1;
    },
    row: 'upstream b',
  },
  {
    name: 'an endpoint that was asked',
    make: (_, _upstream, endpoint) => {
      endpoint.requests = 1;
    },
    row: 'endpoint b 10.0.0.2:80',
  },
  {
    name: 'an endpoint that could not be connected to',
    make: (_, _upstream, endpoint) => {
      endpoint.connectFailures = 1;
    },
    row: 'endpoint b 10.0.0.2:80',
  },
  {
    name: 'an endpoint that is not healthy',
    make: (live) => {
      live.upstreams.applyHealth([{ upstreamId: 'b', endpointId: '10.0.0.2:80', healthy: false, reason: 'refused' }]);
    },
    row: 'endpoint b 10.0.0.2:80',
  },
  {
    name: 'an endpoint that was ejected',
    make: (live) => {
      const ejection = { reason: 'server-errors', forMs: 1_000, level: 1 } as const;
      live.upstreams.adoptEjections([{ upstreamId: 'b', endpointId: '10.0.0.2:80', ...ejection }]);
    },
    row: 'endpoint b 10.0.0.2:80',
  },
];

for (const { name, make, row } of NOTABLE) {
  test(`${name} is notable, and nothing else`, () => {
    const live = createLive();
    const upstream = live.upstreams.get('b');
    const endpoint = upstream?.endpoints[1];
    assert.ok(upstream && endpoint);
    make(live, upstream, endpoint);
    assert.deepEqual(notableOf(live), [row]);
  });
}
