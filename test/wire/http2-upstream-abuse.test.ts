/** HTTP/2 back ends that break the rules, refuse, leave or flood: what clients get, and that others notice nothing. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../src/model/route-policy.ts';
import type { WorkerSettings } from '../../src/model/worker-messages.ts';
import { dataFrame, FrameUpstream, fineFrames, requestBody, responseFrame } from '../support/frame-upstream.ts';
import { END_HEADERS, type FrameClient, FrameType, fieldBlock, frame, uint32 } from '../support/http2-frames.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { ManualTime } from '../support/manual-time.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { statusOf } from '../support/raw-message.ts';

const NO_ERROR = 0;
const PROTOCOL_ERROR = 1;
const FLOW_CONTROL_ERROR = 3;
const FRAME_SIZE_ERROR = 6;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const COMPRESSION_ERROR = 9;
const ENHANCE_YOUR_CALM = 11;

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n';

interface Setup {
  readonly upstream: FrameUpstream;
  readonly proxy: InProcessProxy;
  readonly client: RawClient;
}

interface SetupOptions {
  readonly settings?: Buffer | null;
  readonly worker?: Partial<WorkerSettings>;
  readonly policy?: Partial<RoutePolicy>;
}

async function setUp(t: TestContext, { settings, worker = {}, policy = {} }: SetupOptions = {}): Promise<Setup> {
  const upstream = await FrameUpstream.start(settings === undefined ? {} : { settings });
  t.after(() => upstream.close());
  const proxy = new InProcessProxy(worker);
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [{ ...upstreamConfig('a', upstream.address), protocol: 'http2' }],
    routes: [routeConfig('r', 'a', { policy: { ...DEFAULT_ROUTE_POLICY, ...policy } })],
  });
  return { upstream, proxy, client: await connect(t, proxy) };
}

async function connect(t: TestContext, proxy: InProcessProxy): Promise<RawClient> {
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  return client;
}

/** A GET is answered, on this stream of this connection: nothing is left of what was before. */
async function expectServed({ upstream, client }: Setup, connection: number, streamId: number): Promise<void> {
  client.write(GET);
  const peer = await upstream.connection(connection);
  await peer.find(FrameType.Headers, streamId);
  peer.write(fineFrames(streamId));
  const response = await client.response();
  assert.equal(statusOf(response), 200);
  assert.equal(response.body.toString(), 'fine');
}

type Pairs = readonly (readonly [name: string, value: string])[];

const malformed: readonly { readonly name: string; readonly fields: Pairs }[] = [
  { name: 'no status', fields: [['server', 'x']] },
  {
    name: 'two statuses',
    fields: [
      [':status', '200'],
      [':status', '200'],
    ],
  },
  {
    name: 'a status behind a field',
    fields: [
      ['server', 'x'],
      [':status', '200'],
    ],
  },
  {
    name: 'a pseudo-field of requests',
    fields: [
      [':status', '200'],
      [':path', '/'],
    ],
  },
  {
    name: 'an unknown pseudo-field',
    fields: [
      [':status', '200'],
      [':version', '2'],
    ],
  },
  { name: 'a status of two digits', fields: [[':status', '20']] },
  { name: 'a status of four digits', fields: [[':status', '2000']] },
  { name: 'a status with letters', fields: [[':status', '2OO']] },
  { name: 'a status below 100', fields: [[':status', '099']] },
  { name: 'a status above 599', fields: [[':status', '600']] },
  { name: 'a switch of protocols', fields: [[':status', '101']] },
  {
    name: 'a name in upper case',
    fields: [
      [':status', '200'],
      ['Server', 'x'],
    ],
  },
  {
    name: 'an empty name',
    fields: [
      [':status', '200'],
      ['', 'x'],
    ],
  },
  {
    name: 'a blank in a name',
    fields: [
      [':status', '200'],
      ['a b', 'x'],
    ],
  },
  {
    name: 'a line break in a name',
    fields: [
      [':status', '200'],
      ['a\r\nb', 'x'],
    ],
  },
  {
    name: 'a line break in a value',
    fields: [
      [':status', '200'],
      ['a', 'x\r\nset-cookie: y'],
    ],
  },
  {
    name: 'a NUL in a value',
    fields: [
      [':status', '200'],
      ['a', 'x\0'],
    ],
  },
  {
    name: 'a blank before a value',
    fields: [
      [':status', '200'],
      ['a', ' x'],
    ],
  },
  {
    name: 'connection',
    fields: [
      [':status', '200'],
      ['connection', 'close'],
    ],
  },
  {
    name: 'keep-alive',
    fields: [
      [':status', '200'],
      ['keep-alive', 'timeout=1'],
    ],
  },
  {
    name: 'transfer-encoding',
    fields: [
      [':status', '200'],
      ['transfer-encoding', 'chunked'],
    ],
  },
  {
    name: 'upgrade',
    fields: [
      [':status', '200'],
      ['upgrade', 'x'],
    ],
  },
  {
    name: 'two different lengths',
    fields: [
      [':status', '200'],
      ['content-length', '1'],
      ['content-length', '2'],
    ],
  },
  {
    name: 'a length that is no number',
    fields: [
      [':status', '200'],
      ['content-length', '+1'],
    ],
  },
  {
    name: 'an interim response with a body',
    fields: [
      [':status', '103'],
      ['content-length', '5'],
    ],
  },
];

for (const { name, fields } of malformed) {
  test(`a response with ${name} is 502 and costs its stream only`, async (t) => {
    const setup = await setUp(t);
    setup.client.write(GET);
    const peer = await setup.upstream.connection(1);
    await peer.find(FrameType.Headers, 1);
    peer.write(frame(FrameType.Headers, END_HEADERS, 1, fieldBlock(fields)));
    assert.equal(await setup.client.status(), 502);
    assert.equal(await peer.resetCode(1), PROTOCOL_ERROR);
    await expectServed(setup, 1, 3);
  });
}

const broken: readonly { readonly name: string; readonly frames: readonly Buffer[]; readonly code: number }[] = [
  { name: 'DATA before any head', frames: [dataFrame(1, 'x')], code: PROTOCOL_ERROR },
  { name: 'an interim head that ends the stream', frames: [responseFrame(1, 103, [], true)], code: PROTOCOL_ERROR },
  { name: 'an endless list of interim heads', frames: manyInterim(), code: PROTOCOL_ERROR },
  {
    name: 'a length and no body',
    frames: [responseFrame(1, 200, [['content-length', '4']], true)],
    code: PROTOCOL_ERROR,
  },
  { name: 'a WINDOW_UPDATE of 0', frames: [frame(FrameType.WindowUpdate, 0, 1, uint32(0))], code: PROTOCOL_ERROR },
  {
    name: 'a window beyond 2^31 - 1',
    frames: [frame(FrameType.WindowUpdate, 0, 1, uint32(0x7fffffff))],
    code: FLOW_CONTROL_ERROR,
  },
  {
    name: 'a list of fields above our limit',
    frames: [hugeHead(1)],
    code: CANCEL,
  },
  {
    name: 'more fields than we take',
    frames: [
      responseFrame(
        1,
        200,
        Array.from({ length: 201 }, (_, at) => [`x-${at}`, '']),
      ),
    ],
    code: CANCEL,
  },
];

function manyInterim(): readonly Buffer[] {
  return Array.from({ length: 33 }, () => responseFrame(1, 103, [['link', '</a>']]));
}

for (const { name, frames, code } of broken) {
  test(`${name}: 502, a reset of the stream, and the connection goes on`, async (t) => {
    const setup = await setUp(t);
    setup.client.write(POST);
    const peer = await setup.upstream.connection(1);
    await peer.find(FrameType.Headers, 1);
    peer.write(...frames);
    const first = await setup.client.response();
    const last = statusOf(first) === 103 ? await lastOf(setup.client) : statusOf(first);
    assert.equal(last, 502);
    assert.equal(await peer.resetCode(1), code);
    await expectServed(setup, 1, 3);
  });
}

async function lastOf(client: RawClient): Promise<number> {
  for (;;) {
    const status = await client.status();
    if (status !== 103) return status;
  }
}

/** 40 KiB of fields in three frames. */
function hugeHead(streamId: number): Buffer {
  const lines = Array.from({ length: 10 }, (_, at) => [`x-${at}`, 'v'.repeat(4_000)] as const);
  const block = fieldBlock([[':status', '200'], ...lines]);
  return Buffer.concat([
    frame(FrameType.Headers, 0, streamId, block.subarray(0, 16_000)),
    frame(FrameType.Continuation, 0, streamId, block.subarray(16_000, 32_000)),
    frame(FrameType.Continuation, END_HEADERS, streamId, block.subarray(32_000)),
  ]);
}

const fatal: readonly { readonly name: string; readonly frames: readonly Buffer[]; readonly code: number }[] = [
  { name: 'an answer in HTTP/1.1', frames: [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], code: FRAME_SIZE_ERROR },
  {
    name: 'PUSH_PROMISE',
    frames: [frame(FrameType.PushPromise, END_HEADERS, 1, Buffer.concat([uint32(2), fieldBlock([[':path', '/']])]))],
    code: PROTOCOL_ERROR,
  },
  {
    name: 'a block that cannot be decoded',
    frames: [frame(FrameType.Headers, END_HEADERS, 1, Buffer.from([0x80]))],
    code: COMPRESSION_ERROR,
  },
  { name: 'a head for a stream that is not open', frames: [responseFrame(3, 200)], code: PROTOCOL_ERROR },
  { name: 'a stream of its own', frames: [responseFrame(2, 200)], code: PROTOCOL_ERROR },
  { name: 'DATA for a stream that is not open', frames: [dataFrame(5, 'x')], code: PROTOCOL_ERROR },
  {
    name: 'a frame that is too large',
    frames: [frame(FrameType.Data, 0, 1, Buffer.alloc(16_385))],
    code: FRAME_SIZE_ERROR,
  },
  {
    name: 'invalid settings',
    frames: [frame(FrameType.Settings, 0, 0, setting(4, 0x80000000))],
    code: FLOW_CONTROL_ERROR,
  },
  {
    name: 'a window of the connection beyond 2^31 - 1',
    frames: [frame(FrameType.WindowUpdate, 0, 0, uint32(0x7fffffff))],
    code: FLOW_CONTROL_ERROR,
  },
  {
    name: 'a flood of PINGs',
    frames: repeated(3_000, frame(FrameType.Ping, 0, 0, Buffer.alloc(8))),
    code: ENHANCE_YOUR_CALM,
  },
  { name: 'a flood of SETTINGS', frames: repeated(3_000, frame(FrameType.Settings, 0, 0)), code: ENHANCE_YOUR_CALM },
  {
    name: 'a flood of PRIORITY',
    frames: repeated(3_000, frame(FrameType.Priority, 0, 1, Buffer.alloc(5))),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'a flood of WINDOW_UPDATEs',
    frames: repeated(3_000, frame(FrameType.WindowUpdate, 0, 0, uint32(1))),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'a flood of empty DATA',
    frames: [responseFrame(1, 200), ...repeated(300, dataFrame(1, ''))],
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'endless CONTINUATION',
    frames: [
      frame(FrameType.Headers, 0, 1, fieldBlock([[':status', '200']])),
      ...repeated(100, frame(FrameType.Continuation, 0, 1, '')),
    ],
    code: ENHANCE_YOUR_CALM,
  },
];

function setting(id: number, value: number): Buffer {
  const entry = Buffer.alloc(6);
  entry.writeUInt16BE(id);
  entry.writeUInt32BE(value, 2);
  return entry;
}

function repeated(count: number, bytes: Buffer): readonly Buffer[] {
  return Array.from({ length: count }, () => bytes);
}

for (const { name, frames, code } of fatal) {
  test(`${name} ends the connection, and the next request has another`, async (t) => {
    const setup = await setUp(t);
    setup.client.write(POST);
    const peer = await setup.upstream.connection(1);
    await peer.find(FrameType.Headers, 1);
    peer.write(...frames);
    if (name !== 'a flood of empty DATA') assert.equal(await setup.client.status(), 502);
    assert.equal(await peer.goawayCode(), code);
    if (name === 'a flood of empty DATA') setup.client.destroy();
    const client = await connect(t, setup.proxy);
    await expectServed({ ...setup, client }, 2, 1);
  });
}

test('more DATA than its window allows resets a stream', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  // For a client that does not read, no credit is returned beyond what sockets hold.
  setup.client.socket.pause();
  peer.write(responseFrame(1, 200));
  for (let at = 0; at < 1_024; at++) peer.write(dataFrame(1, Buffer.alloc(16_384)));
  assert.equal(await peer.resetCode(1), FLOW_CONTROL_ERROR);
});

for (const { name, body } of [
  { name: 'less', body: dataFrame(1, '123', true) },
  { name: 'more', body: dataFrame(1, '12345', false) },
]) {
  test(`${name} body than announced is cut for the client`, async (t) => {
    const setup = await setUp(t);
    setup.client.write(GET);
    const peer = await setup.upstream.connection(1);
    await peer.find(FrameType.Headers, 1);
    peer.write(responseFrame(1, 200, [['content-length', '4']]), body);
    const { text } = await setup.client.remainder();
    assert.match(text, /content-length: 4/);
    assert.ok(!text.endsWith('1234'));
    const client = await connect(t, setup.proxy);
    await expectServed({ ...setup, client }, 1, 3);
  });
}

test('a stream reset in the middle of its body is cut for the client, and the others go on', async (t) => {
  const setup = await setUp(t);
  const { upstream, proxy } = setup;
  setup.client.write(GET);
  const other = await connect(t, proxy);
  const peer = await upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  other.write(GET);
  await peer.find(FrameType.Headers, 3);
  peer.write(responseFrame(1, 200), dataFrame(1, 'half'), responseFrame(3, 200));
  peer.write(frame(FrameType.RstStream, 0, 1, uint32(CANCEL)), dataFrame(3, 'whole', true));
  const { text } = await setup.client.remainder();
  assert.ok(!text.includes('0\r\n\r\n'));
  assert.equal((await other.response()).body.toString(), 'whole');
});

test('a refused stream is tried again, whatever its method', async (t) => {
  const setup = await setUp(t);
  setup.client.write(POST);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  peer.write(frame(FrameType.RstStream, 0, 1, uint32(REFUSED_STREAM)));
  await peer.find(FrameType.Headers, 3);
  peer.write(fineFrames(3));
  assert.equal(await setup.client.status(), 200);
});

test('a stream reset without an answer is tried again only if its method may be repeated', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  peer.write(frame(FrameType.RstStream, 0, 1, uint32(CANCEL)));
  await peer.find(FrameType.Headers, 3);
  peer.write(fineFrames(3));
  assert.equal(await setup.client.status(), 200);
  setup.client.write(POST);
  await peer.find(FrameType.Headers, 5);
  peer.write(frame(FrameType.RstStream, 0, 5, uint32(CANCEL)));
  assert.equal(await setup.client.status(), 502);
});

test('GOAWAY: what it did not look at is tried elsewhere, the rest is finished', async (t) => {
  const setup = await setUp(t);
  const { upstream, proxy } = setup;
  const [first, second] = [setup.client, await connect(t, proxy)];
  first.write(POST);
  const peer = await upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  second.write(POST);
  await peer.find(FrameType.Headers, 3);
  peer.write(frame(FrameType.Goaway, 0, 0, uint32(1, NO_ERROR)));
  const next = await upstream.connection(2);
  await next.find(FrameType.Headers, 1);
  next.write(fineFrames(1));
  assert.equal(await second.status(), 200);
  peer.write(fineFrames(1));
  assert.equal(await first.status(), 200);
  assert.equal(await peer.goawayCode(), NO_ERROR);
  await peer.raw.remainder();
});

test('GOAWAY in two steps takes no new streams after the first', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  peer.write(frame(FrameType.Goaway, 0, 0, uint32(0x7fffffff, NO_ERROR)), fineFrames(1));
  assert.equal(await setup.client.status(), 200);
  await expectServed(setup, 2, 1);
});

test('a connection that was closed while nothing was under way is replaced without a word, for what may be repeated', async (t) => {
  const setup = await setUp(t);
  await expectServed(setup, 1, 1);
  const peer = await setup.upstream.connection(1);
  setup.client.write(GET);
  await peer.find(FrameType.Headers, 3);
  peer.raw.reset();
  const next = await setup.upstream.connection(2);
  await next.find(FrameType.Headers, 1);
  next.write(fineFrames(1));
  assert.equal(await setup.client.status(), 200);
});

test('a connection that is lost cuts the responses that have begun', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  peer.write(responseFrame(1, 200), dataFrame(1, 'half'));
  await setup.client.received(1);
  peer.raw.socket.end();
  const { text } = await setup.client.remainder();
  assert.ok(!text.includes('0\r\n\r\n'));
});

test('an endpoint that allows one stream at a time gets as many connections as there are requests', async (t) => {
  const setup = await setUp(t, { settings: setting(3, 1) });
  await expectServed(setup, 1, 1);
  const other = await connect(t, setup.proxy);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 3);
  await expectServed({ ...setup, client: other }, 2, 1);
  peer.write(fineFrames(3));
  assert.equal(await setup.client.status(), 200);
  assert.equal(setup.upstream.connections.length, 2);
});

test('a body obeys the window of its stream, as it grows by frames and by settings', async (t) => {
  const setup = await setUp(t, { settings: setting(4, 10) });
  await expectServed(setup, 1, 1);
  const peer = await setup.upstream.connection(1);
  setup.client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 25\r\n\r\n${'0123456789'.repeat(2)}abcde`);
  await peer.find(FrameType.Data, 3);
  peer.write(frame(FrameType.WindowUpdate, 0, 3, uint32(10)));
  await peer.first(({ type }) => type === FrameType.Data && bodyOf(peer).length === 20);
  peer.write(frame(FrameType.Settings, 0, 0, setting(4, 15)));
  assert.equal(await requestBody(peer, 3), `${'0123456789'.repeat(2)}abcde`);
  peer.write(fineFrames(3));
  assert.equal(await setup.client.status(), 200);
});

function bodyOf(peer: FrameClient): string {
  return peer.seen
    .filter(({ type }) => type === FrameType.Data)
    .map(({ payload }) => payload.toString())
    .join('');
}

test('a final answer before the end of the upload reaches the client, and the rest is cancelled', async (t) => {
  const setup = await setUp(t);
  setup.client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome');
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Data, 1);
  peer.write(responseFrame(1, 413, [['content-length', '0']], true));
  assert.equal(await setup.client.status(), 413);
  assert.equal(await peer.resetCode(1), CANCEL);
});

test('a client that goes resets its stream and leaves the connection to others', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  setup.client.destroy();
  assert.equal(await peer.resetCode(1), CANCEL);
  // What was under way when it was reset means nothing.
  peer.write(responseFrame(1, 200), dataFrame(1, 'late', true));
  const client = await connect(t, setup.proxy);
  await expectServed({ ...setup, client }, 1, 3);
});

test('an endpoint that does not answer in time: 504, and no further request for a connection that is silent', async (t) => {
  const time = new ManualTime(t.mock);
  const setup = await setUp(t, { policy: { responseTimeoutMs: 250, retryAttempts: 1 } });
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.first(({ type, flags }) => type === FrameType.Settings && flags === 1);
  time.pass(250);
  assert.equal(await setup.client.status(), 504);
  assert.equal(await peer.resetCode(1), CANCEL);
});

test('a connection without work is closed with GOAWAY', async (t) => {
  const setup = await setUp(t, { worker: { upstreamIdleTimeoutMs: 250 } });
  await expectServed(setup, 1, 1);
  const peer = await setup.upstream.connection(1);
  assert.equal(await peer.goawayCode(), NO_ERROR);
  await peer.raw.remainder();
  await expectServed(setup, 2, 1);
});

test('an endpoint that is removed finishes what it has, then its connection closes', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  await setup.proxy.apply({ upstreams: [upstreamConfig('b', '127.0.0.1:1')], routes: [routeConfig('r', 'b')] });
  peer.write(fineFrames(1));
  assert.equal(await setup.client.status(), 200);
  assert.equal(await peer.goawayCode(), NO_ERROR);
});

test('PINGs are answered with what they carry', async (t) => {
  const setup = await setUp(t);
  setup.client.write(GET);
  const peer = await setup.upstream.connection(1);
  await peer.find(FrameType.Headers, 1);
  peer.write(frame(FrameType.Ping, 0, 0, '8 bytes!'));
  const answer = await peer.find(FrameType.Ping, 0);
  assert.equal(answer.flags, 1);
  assert.equal(answer.payload.toString(), '8 bytes!');
});
