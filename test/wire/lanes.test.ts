/** Requests carry the lane of the side that takes them, over both protocols, and clients cannot choose one unasked. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { CanaryConfig, RequestMatch } from '../../src/model/canary.ts';
import type { LaneConfig } from '../../src/model/lane.ts';
import type { UpstreamConfig } from '../../src/model/proxy-config.ts';
import { Http2Client } from '../support/http2-client.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { canaryConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { release } from '../support/release.ts';
import { useScriptedPair } from '../support/scripted-pair.ts';
import type { UpstreamRequest } from '../support/scripted-upstream.ts';

const V2: LaneConfig = { name: 'v2', header: 'X-Sluice-Lane' };
const BASE: LaneConfig = { name: 'base', header: 'X-Sluice-Lane' };

function inLane({ name, header }: LaneConfig): RequestMatch {
  return { kind: 'value', of: 'header', name: header.toLowerCase(), test: 'exact', value: name };
}

const pair = useScriptedPair();

interface Setup {
  readonly canary?: Partial<CanaryConfig>;
  readonly lane?: LaneConfig;
  readonly stays?: RequestMatch;
  readonly next?: Partial<UpstreamConfig>;
  readonly nextAddress?: string;
}

async function start(
  t: TestContext,
  { canary = { lane: V2 }, lane, stays, ...setup }: Setup = {},
): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [
      upstreamConfig('main', pair.main.address),
      { ...upstreamConfig('next', setup.nextAddress ?? pair.next.address), ...setup.next },
    ],
    routes: [
      routeConfig('r', 'main', {
        split: {
          members: [{ upstream: 'main', weight: 1, filters: [], ...(lane === undefined ? {} : { lane }) }],
          canaries: [canaryConfig('next', canary)],
          ...(stays === undefined ? {} : { stays }),
        },
      }),
    ],
  });
  return proxy;
}

async function send(port: number, ...fields: readonly string[]): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(`${['GET /x HTTP/1.1', 'Host: a', ...fields].join('\r\n')}\r\n\r\n`);
  const { body } = await client.response();
  client.destroy();
  return body.toString();
}

function laneOf(request: UpstreamRequest): readonly (string | null)[] {
  return [request.field('x-sluice-lane'), request.field('baggage')];
}

test('each side gets its own lane, whatever the client says', async (t) => {
  const proxy = await start(t, { canary: { weight: 100, lane: V2 }, lane: BASE });
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: base', 'Baggage: user=alice, lane=base'), 'next');
  assert.deepEqual(pair.next.requests.map(laneOf), [['v2', 'lane=v2,user=alice']]);
  const idle = await start(t, { canary: { weight: 0, lane: V2 }, lane: BASE });
  assert.equal(await send(idle.port, 'X-Sluice-Lane: v2'), 'main');
  assert.deepEqual(pair.main.requests.map(laneOf), [['base', 'lane=base']]);
});

test('a side without a lane gets none, not even from the client', async (t) => {
  const proxy = await start(t);
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: v2', 'Baggage: lane=v2,a=b'), 'main');
  assert.deepEqual(pair.main.requests.map(laneOf), [[null, 'a=b']]);
});

test('a route without lanes has nothing to do with them', async (t) => {
  const proxy = await start(t, { canary: {} });
  await send(proxy.port, 'X-Sluice-Lane: v2', 'Baggage: lane=v2, not valid');
  assert.deepEqual(pair.main.requests.map(laneOf), [['v2', 'lane=v2, not valid']]);
});

test('where it is honoured, who comes in the lane of a canary takes it', async (t) => {
  const match: RequestMatch = { kind: 'or', terms: [{ kind: 'method', methods: ['PUT'] }, inLane(V2)] };
  const proxy = await start(t, { canary: { lane: V2, match } });
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: v2'), 'next');
  assert.equal(proxy.accessLog[0]?.split, 'match');
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: v3'), 'main');
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: v2', 'X-Sluice-Lane: v2'), 'main');
  assert.deepEqual(pair.main.requests.map(laneOf), [
    [null, null],
    [null, null],
  ]);
});

test('there, who comes in the lane of the main upstream stays with it, and no release counts that', async (t) => {
  const stays = inLane(BASE);
  const canary = { weight: 100, lane: V2, match: inLane(V2), release: release({ id: 'r' }) };
  const proxy = await start(t, { canary, lane: BASE, stays });
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: base'), 'main');
  assert.deepEqual(pair.main.requests.map(laneOf), [['base', 'lane=base']]);
  const [figures] = proxy.live.releases.toFigures();
  assert.deepEqual([figures?.stable.requests, figures?.canary.requests], [0, 0]);
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: v2'), 'next');
  // Neither what is in no lane nor what claims two is in this one.
  assert.equal(await send(proxy.port), 'next');
  assert.equal(await send(proxy.port, 'X-Sluice-Lane: base', 'X-Sluice-Lane: base'), 'next');
  assert.equal(await send(proxy.port, 'Baggage: lane=base'), 'next');
});

test('who falls back leaves the lane', async (t) => {
  pair.next.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const proxy = await start(t, { canary: { weight: 100, lane: V2 }, lane: BASE });
  assert.equal(await send(proxy.port, 'Baggage: a=b'), 'main');
  assert.deepEqual(pair.next.requests.map(laneOf), [['v2', 'lane=v2,a=b']]);
  assert.deepEqual(pair.main.requests.map(laneOf), [['base', 'lane=base,a=b']]);
});

test('clients and back ends of HTTP/2 have the same lanes', async (t) => {
  const upstream = await Http2Upstream.start((request) => request.answer('next'));
  t.after(() => upstream.close());
  const canary = { weight: 100, lane: V2 };
  const proxy = await start(t, { canary, nextAddress: upstream.address, next: { protocol: 'http2' } });
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  assert.equal((await client.get('/x', { 'x-sluice-lane': 'v9', baggage: 'lane=v9,a=b' })).body, 'next');
  const [request] = upstream.requests;
  assert.deepEqual([request?.field('x-sluice-lane'), request?.field('baggage')], ['v2', 'lane=v2,a=b']);
});
