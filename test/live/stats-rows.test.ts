/** Counters are read in batches, each when it is asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { LiveState } from '../../src/live/live-state.ts';
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
    const batches = [...collectRows(createLive(), size)];
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
  assert.equal([...collectRows(createLive(), 1_000)].length, 1);
});

test('a batch shows what was counted before it was asked for, and what is gone by then is left out', () => {
  const live = createLive();
  const batches = collectRows(live, 5);
  batches.next();
  const late = live.upstreams.get('e')?.endpoints[0];
  assert.ok(late);
  late.requests = 7;
  live.upstreams.remove(['c']);
  const rest = [...batches].flatMap(({ endpoints }) => endpoints);
  assert.equal(rest.find(({ upstreamId }) => upstreamId === 'e')?.requests, 7);
  assert.ok(!rest.some(({ upstreamId }) => upstreamId === 'c'));
});
