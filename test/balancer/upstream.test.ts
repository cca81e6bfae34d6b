/** Endpoints of an upstream: who may be picked, and what outlives an update. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NONE_TRIED } from '../../src/balancer/balancer.ts';
import type { Endpoint, EndpointTransport } from '../../src/balancer/endpoint.ts';
import { Upstream } from '../../src/balancer/upstream.ts';
import type { EndpointAddress } from '../../src/model/proxy-config.ts';

class FakeTransport implements EndpointTransport {
  readonly idleCount: number = 0;
  readonly openCount: number = 0;
  closed: number = 0;
  retired: number = 0;

  close(): void {
    this.closed += 1;
  }

  retire(): void {
    this.retired += 1;
  }
}

/** Remembers each transport by the endpoint it was made for. */
class Transports {
  readonly of: Map<Endpoint, FakeTransport> = new Map();
  readonly create = (endpoint: Endpoint): EndpointTransport => {
    const transport = new FakeTransport();
    this.of.set(endpoint, transport);
    return transport;
  };
}

function addresses(...weights: readonly number[]): readonly EndpointAddress[] {
  return weights.map((weight, index) => ({ address: `10.0.0.${index + 1}`, port: 80, weight }));
}

function createUpstream(...weights: readonly number[]): Upstream {
  const upstream = new Upstream('shop', 'round-robin', 0);
  upstream.update(addresses(...weights), new Transports().create);
  return upstream;
}

function judge(upstream: Upstream, endpointId: string, healthy: boolean, reason: string): boolean {
  return upstream.applyVerdicts([{ endpointId, healthy, reason }]);
}

function ids(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map((endpoint) => endpoint.id);
}

test('an upstream without endpoints picks nothing', () => {
  const upstream = new Upstream('shop', 'round-robin', 0);
  assert.equal(upstream.hasEndpoints, false);
  assert.equal(upstream.panicking, false);
  assert.equal(upstream.pick(0, NONE_TRIED), null);
});

test('new endpoints start healthy, with a transport and counters at 0', () => {
  const upstream = createUpstream(3);
  const [endpoint] = upstream.endpoints;
  assert.ok(endpoint !== undefined);
  const { id, upstreamId, address, port, weight, healthy, reason, removed, inFlight, requests } = endpoint;
  assert.deepEqual(
    { id, upstreamId, address, port, weight, healthy, reason, removed, inFlight, requests },
    {
      id: '10.0.0.1:80',
      upstreamId: 'shop',
      address: '10.0.0.1',
      port: 80,
      weight: 3,
      healthy: true,
      reason: '',
      removed: false,
      inFlight: 0,
      requests: 0,
    },
  );
  assert.ok(endpoint.transport !== null);
  assert.equal(upstream.pick(0, NONE_TRIED), endpoint);
});

test('an update keeps known endpoints with health, counters and transport, and applies their new weight', () => {
  const transports = new Transports();
  const upstream = new Upstream('shop', 'round-robin', 0);
  upstream.update(addresses(1, 1), transports.create);
  const [a, b] = upstream.endpoints;
  assert.ok(a !== undefined && b !== undefined);
  const transport = a.transport;
  a.requests = 12;
  a.inFlight = 2;
  judge(upstream, a.id, false, 'status 500');

  upstream.update(addresses(5, 1, 1), transports.create);
  assert.equal(upstream.endpoints[0], a);
  assert.equal(upstream.endpoints[1], b);
  assert.deepEqual([a.weight, a.requests, a.inFlight, a.healthy, a.reason], [5, 12, 2, false, 'status 500']);
  assert.equal(a.transport, transport);
  assert.equal(transports.of.size, 3);
  assert.deepEqual(ids(upstream.available), ['10.0.0.2:80', '10.0.0.3:80']);
});

test('a removed endpoint is marked, its transport closed once, and its id starts anew when it comes back', () => {
  const transports = new Transports();
  const upstream = new Upstream('shop', 'round-robin', 0);
  upstream.update(addresses(1, 1), transports.create);
  const [a, b] = upstream.endpoints;
  assert.ok(a !== undefined && b !== undefined);
  judge(upstream, b.id, false, 'status 500');

  upstream.update(addresses(1), transports.create);
  upstream.update(addresses(1), transports.create);
  assert.equal(b.removed, true);
  assert.equal(a.removed, false);
  assert.equal(transports.of.get(b)?.closed, 1);
  assert.equal(transports.of.get(a)?.closed, 0);
  assert.deepEqual(upstream.endpoints, [a]);

  upstream.update(addresses(1, 1), transports.create);
  const again = upstream.endpoints[1];
  assert.ok(again !== undefined && again !== b);
  assert.equal(again.id, b.id);
  assert.equal(again.healthy, true);
  assert.equal(again.removed, false);
});

test('nothing is picked from a removed endpoint when its transport is told to close', () => {
  const upstream = new Upstream('shop', 'round-robin', 0);
  const pickedWhileClosing: (Endpoint | null)[] = [];
  const create = (): EndpointTransport => ({
    idleCount: 0,
    openCount: 0,
    close: (): void => {
      pickedWhileClosing.push(upstream.pick(0, NONE_TRIED));
    },
    retire: (): void => undefined,
  });
  upstream.update(addresses(1, 1), create);
  const [a] = upstream.endpoints;
  upstream.update(addresses(1), create);
  assert.deepEqual(pickedWhileClosing, [a]);
});

test('an endpoint listed twice counts once', () => {
  const upstream = createUpstream();
  const [address] = addresses(2);
  assert.ok(address !== undefined);
  const transports = new Transports();
  upstream.update([address, { ...address, weight: 7 }], transports.create);
  assert.equal(transports.of.size, 1);
  assert.deepEqual(
    upstream.endpoints.map((endpoint) => endpoint.weight),
    [2],
  );
});

test('a transport that cannot be created leaves the upstream as it was', () => {
  const upstream = createUpstream(1, 1);
  const before = upstream.endpoints;
  assert.throws(
    () =>
      upstream.update(addresses(4, 4, 4), () => {
        throw new Error('no more sockets');
      }),
    /no more sockets/,
  );
  assert.equal(upstream.endpoints, before);
  assert.deepEqual(
    before.map((endpoint) => endpoint.weight),
    [1, 1],
  );
});

test('an update without a difference does not disturb the balancer', () => {
  const upstream = createUpstream(1, 1);
  const { available } = upstream;
  upstream.update(addresses(1, 1), () => assert.fail('nothing to create'));
  assert.equal(upstream.available, available);
});

test('an unhealthy endpoint is not picked until it is healthy again', () => {
  const upstream = createUpstream(1, 1, 1);
  assert.equal(judge(upstream, '10.0.0.2:80', false, 'status 500'), true);
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80', '10.0.0.3:80']);
  for (let count = 0; count < 6; count += 1) assert.notEqual(upstream.pick(0, NONE_TRIED)?.id, '10.0.0.2:80');
  assert.equal(judge(upstream, '10.0.0.2:80', true, ''), true);
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']);
});

test('a verdict says whether it changed something', () => {
  const upstream = createUpstream(1);
  assert.equal(judge(upstream, '10.0.0.1:80', true, ''), false);
  assert.equal(judge(upstream, '10.0.0.1:80', false, 'status 500'), true);
  assert.equal(judge(upstream, '10.0.0.1:80', false, 'status 500'), false);
  assert.equal(judge(upstream, '10.0.0.1:80', false, 'status 503'), true);
  assert.equal(upstream.endpoints[0]?.reason, 'status 503');
  assert.equal(judge(upstream, '10.9.9.9:80', false, 'status 500'), false);
});

test('with no healthy endpoint left, health is ignored', () => {
  const upstream = createUpstream(1, 0, 1);
  judge(upstream, '10.0.0.1:80', false, 'status 500');
  judge(upstream, '10.0.0.2:80', true, '');
  assert.equal(upstream.panicking, false);
  judge(upstream, '10.0.0.3:80', false, 'status 500');
  assert.equal(upstream.panicking, true);
  assert.equal(upstream.hasEndpoints, true);
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80', '10.0.0.3:80']);
  judge(upstream, '10.0.0.3:80', true, '');
  assert.equal(upstream.panicking, false);
  assert.deepEqual(ids(upstream.available), ['10.0.0.3:80']);
});

test('a weight of 0 means no new requests, not even in panic', () => {
  const upstream = createUpstream(0, 0);
  assert.equal(upstream.hasEndpoints, false);
  assert.equal(upstream.panicking, false);
  assert.equal(upstream.pick(0, NONE_TRIED), null);
  upstream.update(addresses(0, 1), new Transports().create);
  assert.equal(upstream.pick(0, NONE_TRIED)?.id, '10.0.0.2:80');
});

test('the sequence of picks goes on over changes of health and weight', () => {
  const upstream = createUpstream(1, 1, 1);
  assert.equal(upstream.pick(0, NONE_TRIED)?.id, '10.0.0.1:80');
  judge(upstream, '10.0.0.3:80', false, 'status 500');
  judge(upstream, '10.0.0.3:80', true, '');
  assert.equal(upstream.pick(0, NONE_TRIED)?.id, '10.0.0.2:80');
  upstream.update(addresses(1, 1, 1, 1), new Transports().create);
  assert.equal(upstream.pick(0, NONE_TRIED)?.id, '10.0.0.3:80');
});

test('the algorithm in use is kept with its position', () => {
  const upstream = createUpstream(1);
  const { balancer } = upstream;
  upstream.useAlgorithm('round-robin', null);
  assert.equal(upstream.balancer, balancer);
  assert.equal(upstream.algorithm, 'round-robin');
});

test('a draining endpoint gets nothing new while another stays, and closes the connections it does not use', () => {
  const transports = new Transports();
  const upstream = new Upstream('shop', 'round-robin', 0);
  const [first, second] = addresses(1, 1);
  assert.ok(first !== undefined && second !== undefined);
  upstream.update([first, second], transports.create);
  const [a, b] = upstream.endpoints;
  assert.ok(a !== undefined && b !== undefined);
  upstream.update([first, { ...second, draining: true }], transports.create);
  assert.deepEqual(upstream.endpoints, [a, b]);
  assert.deepEqual(upstream.available, [a]);
  assert.deepEqual([b.draining, b.retiring, b.removed], [true, true, false]);
  assert.deepEqual([transports.of.get(a)?.retired, transports.of.get(b)?.retired], [0, 1]);
  upstream.update([first, { ...second, draining: true }], transports.create);
  assert.equal(transports.of.get(b)?.retired, 1);
});

test('where all endpoints drain they take the requests, and keep their connections', () => {
  const transports = new Transports();
  const upstream = new Upstream('shop', 'round-robin', 0);
  const draining = addresses(1, 1).map((address) => ({ ...address, draining: true as const }));
  upstream.update(draining, transports.create);
  assert.equal(upstream.available.length, 2);
  const [, b] = draining;
  assert.ok(b !== undefined);
  upstream.update([{ address: '10.0.0.9', port: 80, weight: 1 }, b], transports.create);
  assert.deepEqual(ids(upstream.available), ['10.0.0.9:80']);
  upstream.update([b], transports.create);
  assert.deepEqual(ids(upstream.available), [b.address + ':80']);
  assert.deepEqual(
    upstream.endpoints.map(({ retiring }) => retiring),
    [false],
  );
});

test('an endpoint with an unhealthy verdict is no reason to fall back to draining ones', () => {
  const upstream = new Upstream('shop', 'round-robin', 0);
  const [a, b] = addresses(1, 1);
  assert.ok(a !== undefined && b !== undefined);
  upstream.update([a, { ...b, draining: true }], new Transports().create);
  judge(upstream, '10.0.0.1:80', false, 'status 500');
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80']);
  assert.equal(upstream.panicking, true);
});

test('endpoints of other zones are picked only while none of ours is healthy', () => {
  const upstream = new Upstream('shop', 'round-robin', 0);
  const [a, b, c] = addresses(1, 1, 1);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const create = new Transports().create;
  upstream.update([a, { ...b, otherZone: true }, { ...c, otherZone: true }], create);
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80']);
  judge(upstream, '10.0.0.1:80', false, 'status 500');
  assert.deepEqual(ids(upstream.available), ['10.0.0.2:80', '10.0.0.3:80']);
  assert.equal(upstream.panicking, false);
  judge(upstream, '10.0.0.1:80', true, '');
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80']);
  upstream.update([a, b, { ...c, otherZone: true }], create);
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80', '10.0.0.2:80']);
});

test('in panic zones do not count either', () => {
  const upstream = new Upstream('shop', 'round-robin', 0);
  const [a, b] = addresses(1, 1);
  assert.ok(a !== undefined && b !== undefined);
  upstream.update([a, { ...b, otherZone: true }], new Transports().create);
  judge(upstream, '10.0.0.1:80', false, 'timeout');
  judge(upstream, '10.0.0.2:80', false, 'timeout');
  assert.deepEqual(ids(upstream.available), ['10.0.0.1:80', '10.0.0.2:80']);
});

test('another bound or subset makes another balancer, another key template does not', () => {
  const upstream = createUpstream(1, 1);
  const hashing = { keyTemplate: '$request_uri', subsetSize: 0, boundPercent: 0 };
  upstream.useAlgorithm('ring-hash', hashing);
  const { balancer } = upstream;
  upstream.useAlgorithm('ring-hash', { ...hashing, keyTemplate: '$host' });
  assert.equal(upstream.balancer, balancer);
  upstream.useAlgorithm('ring-hash', { ...hashing, boundPercent: 125 });
  assert.notEqual(upstream.balancer, balancer);
  assert.notEqual(upstream.pick(7, NONE_TRIED), null);
});
