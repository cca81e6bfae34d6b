/** HTTP/2 back ends that allow few streams on a connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_OUTLIER_DETECTION } from '../../src/model/outlier-detection.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { FrameUpstream, fineFrames } from '../support/frame-upstream.ts';
import { FrameType, uint32 } from '../support/http2-frames.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
/** SETTINGS_MAX_CONCURRENT_STREAMS = 1. */
const ONE_STREAM = Buffer.concat([Buffer.from([0, 3]), uint32(1)]);

test('a burst that opens connections keeps to what the endpoint allowed on those before', async (t) => {
  const upstream = await FrameUpstream.start({ settings: ONE_STREAM });
  t.after(() => upstream.close());
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [{ ...upstreamConfig('a', upstream.address), protocol: 'http2' }],
    routes: [routeConfig('r', 'a')],
  });
  const clients = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(proxy.port)));
  t.after(() => clients.forEach((client) => client.destroy()));
  const [first] = clients as [RawClient];
  first.write(GET);
  const known = await upstream.connection(1);
  await known.find(FrameType.Headers, 1);
  known.write(fineFrames(1));
  await first.response();
  // One goes on the connection there is, each other on one of its own, without waiting for its SETTINGS.
  for (const client of clients) client.write(GET);
  for (const place of [1, 2, 3, 4]) {
    const peer = await upstream.connection(place);
    const id = place === 1 ? 3 : 1;
    await peer.find(FrameType.Headers, id);
    peer.write(fineFrames(id));
  }
  for (const client of clients) assert.equal(await client.status(), 200);
  assert.equal(upstream.connections.length, 4);
});

test('an endpoint that may get no more connections is not taken for one that cannot be connected to', async (t) => {
  const upstream = await FrameUpstream.start({ settings: ONE_STREAM });
  t.after(() => upstream.close());
  const ended = new AwaitedState();
  const proxy = new InProcessProxy({}, () => ended.report());
  t.after(() => proxy.close());
  const outlierDetection = { ...DEFAULT_OUTLIER_DETECTION, connectFailures: 1 };
  await proxy.apply({
    upstreams: [{ ...upstreamConfig('a', upstream.address), protocol: 'http2', outlierDetection }],
    routes: [routeConfig('r', 'a')],
  });
  const clients = await Promise.all(Array.from({ length: 257 }, () => RawClient.connect(proxy.port)));
  t.after(() => clients.forEach((client) => client.destroy()));
  const last = clients.pop() as RawClient;
  // Each opens a connection before the endpoint has told how few streams it takes.
  for (const [at, client] of clients.entries()) {
    client.write(GET);
    await (await upstream.connection(at + 1)).find(FrameType.Headers, 1);
  }
  last.write(GET);
  assert.equal(await last.status(), 503);
  assert.equal((await ended.until(() => proxy.accessLog[0])).outcome, 'local-shortage');
  const [endpoint] = proxy.live.upstreams.get('a')?.endpoints ?? [];
  assert.deepEqual([endpoint?.connectFailures, endpoint?.passive.connectFailures], [0, 0]);
});
