/** HTTP/2 and gRPC checks share a session from one probe to the next, and what happens when it goes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import type net from 'node:net';
import { type TestContext, test } from 'node:test';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { GrpcHealthServer } from '../support/grpc-health.ts';
import { ProbeLoop } from './kept-rig.ts';

interface Http2Endpoint {
  readonly port: number;
  readonly sessions: http2.ServerHttp2Session[];
  /** How many requests came in each session. */
  readonly requests: number[];
  answer: (stream: http2.ServerHttp2Stream) => void;
}

async function startEndpoint(t: TestContext): Promise<Http2Endpoint> {
  const server = http2.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint: Http2Endpoint = {
    port: (server.address() as net.AddressInfo).port,
    sessions: [],
    requests: [],
    answer: (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('fine');
    },
  };
  server.on('session', (session) => {
    const at = endpoint.sessions.push(session) - 1;
    endpoint.requests.push(0);
    session.on('error', () => session.destroy());
    session.on('stream', (stream) => {
      stream.on('error', () => stream.destroy());
      endpoint.requests[at] = (endpoint.requests[at] ?? 0) + 1;
      endpoint.answer(stream);
    });
  });
  t.after(() => {
    for (const session of endpoint.sessions) session.destroy();
    server.close();
  });
  return endpoint;
}

const HTTP2 = { protocol: 'http2' } as const;

test('the probes of a minute share a session', async (t: TestContext) => {
  const endpoint = await startEndpoint(t);
  const loop = new ProbeLoop(t, endpoint.port, {}, HTTP2);
  assert.deepEqual(
    await loop.askTimes(13, 5_000),
    Array.from({ length: 13 }, () => ''),
  );
  assert.deepEqual(endpoint.requests, [12, 1]);
  assert.equal(loop.kept.count, 1);
  loop.probe.cancel();
  await eventuallyTrue(() => endpoint.sessions.every(({ destroyed }) => destroyed));
  assert.equal(loop.kept.count, 0);
});

test('a failure ends the session', async (t: TestContext) => {
  const endpoint = await startEndpoint(t);
  const loop = new ProbeLoop(t, endpoint.port, {}, HTTP2);
  await loop.ask();
  const { answer } = endpoint;
  endpoint.answer = (stream) => stream.respond({ ':status': 503 }, { endStream: true });
  assert.equal(await loop.ask(), 'status 503');
  endpoint.answer = answer;
  assert.deepEqual(await loop.askTimes(2), ['', '']);
  assert.deepEqual(endpoint.requests, [2, 2]);
});

test('an endpoint that takes its leave while nobody asks is asked in a new session', async (t: TestContext) => {
  const endpoint = await startEndpoint(t);
  const loop = new ProbeLoop(t, endpoint.port, {}, HTTP2);
  await loop.ask();
  endpoint.sessions[0]?.goaway();
  await eventuallyTrue(() => loop.kept.count === 0);
  assert.equal(await loop.ask(), '');
  assert.deepEqual(endpoint.requests, [1, 1]);
});

for (const [how, leave] of [
  ['closes the connection', (stream: http2.ServerHttp2Stream): void => stream.session?.destroy()],
  [
    'refuses the stream',
    (stream: http2.ServerHttp2Stream): void => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
  ],
] as const) {
  test(`a kept session whose endpoint ${how} before an answer is tried once more in a new one`, async (t: TestContext) => {
    const endpoint = await startEndpoint(t);
    const loop = new ProbeLoop(t, endpoint.port, {}, HTTP2);
    await loop.ask();
    const { answer } = endpoint;
    endpoint.answer = (stream) => {
      endpoint.answer = answer;
      leave(stream);
    };
    assert.equal(await loop.ask(), '');
    assert.deepEqual(endpoint.requests, [2, 1]);
    endpoint.answer = leave;
    assert.notEqual(await loop.ask(), '');
    assert.deepEqual(endpoint.requests, [2, 2, 1]);
    assert.notEqual(await loop.ask(), '', 'a new session is not tried again');
    assert.deepEqual(endpoint.requests, [2, 2, 1, 1]);
  });
}

test('gRPC checks share a session too, and each answer counts', async (t: TestContext) => {
  const server = await GrpcHealthServer.start();
  t.after(() => server.close());
  const loop = new ProbeLoop(t, server.port, { kind: 'grpc' });
  assert.deepEqual(await loop.askTimes(3), ['', '', '']);
  assert.equal(loop.kept.count, 1);
  server.answer = Buffer.from([8, 2]);
  assert.equal(await loop.ask(), 'grpc NOT_SERVING');
  assert.equal(loop.kept.count, 0);
  server.answer = Buffer.from([8, 1]);
  assert.equal(await loop.ask(), '');
  assert.equal(server.requests.length, 5);
});
