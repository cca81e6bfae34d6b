/** HTTP/2 clients that cancel, break the rules or flood: what they get, and that nobody else notices. */
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { after, afterEach, before, beforeEach, type TestContext, test } from 'node:test';
import { Http2Client } from '../support/http2-client.ts';
import {
  END_HEADERS,
  END_STREAM,
  FrameClient,
  FrameType,
  fieldBlock,
  frame,
  getFields,
  getFrame,
  uint32,
} from '../support/http2-frames.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  sluice = await SluiceProcess.start({
    config: configTo(upstream.address),
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = () => ok('fine');
});

afterEach(async () => {
  // Whatever a client did: the worker is the same and serves the next one.
  const client = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  upstream.script = () => ok('fine');
  assert.equal((await client.get('/')).body, 'fine');
  client.destroy();
  assert.deepEqual(
    sluice.logs.filter(({ level }) => level === 'error' || level === 'warn'),
    [],
  );
});

type Pairs = readonly (readonly [name: string, value: string])[];

async function connectFrames(t: TestContext): Promise<FrameClient> {
  const client = await FrameClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  return client;
}

async function connect(t: TestContext): Promise<Http2Client> {
  const client = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  t.after(() => client.destroy());
  return client;
}

function postFields(path: string, ...more: Pairs): Pairs {
  return [[':method', 'POST'], ...getFields(path).slice(1), ...more];
}

/** A header section in as many frames as it needs. */
function headFrames(streamId: number, fields: Pairs, endStream: boolean): Buffer {
  const block = fieldBlock(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += 16_000) {
    const end = at + 16_000 >= block.length ? END_HEADERS : 0;
    const first = at === 0 ? FrameType.Headers : FrameType.Continuation;
    frames.push(
      frame(first, end | (at === 0 && endStream ? END_STREAM : 0), streamId, block.subarray(at, at + 16_000)),
    );
  }
  return Buffer.concat(frames);
}

async function untilUpstreamSees(text: string): Promise<ScriptedUpstream['connections'][number]> {
  return upstream.until(() => upstream.connections.findLast(({ received }) => received.includes(text)));
}

test('when the client resets a stream before the answer, the back end is let go and other streams go on', async (t) => {
  const client = await connect(t);
  upstream.script = ({ target }) => (target === '/slow' ? null : ok('fine'));
  const slow = client.open({ ':path': '/slow', ':authority': 'a.example' }, true);
  const { connection } = await upstream.request();
  slow.stream.close(constants.NGHTTP2_CANCEL);
  await upstream.untilClosed(connection);
  assert.equal((await client.get('/quick')).body, 'fine');
});

test('when the client goes, all its requests are cancelled', async (t) => {
  const client = await connect(t);
  upstream.script = () => null;
  for (let at = 0; at < 10; at++) client.open({ ':path': `/${at}`, ':authority': 'a.example' }, true);
  await upstream.request(10);
  client.destroy();
  for (const { connection } of upstream.requests) await upstream.untilClosed(connection);
});

for (const [name, code] of [
  ['without an error', constants.NGHTTP2_NO_ERROR],
  ['as cancelled', constants.NGHTTP2_CANCEL],
] as const) {
  for (const method of ['POST', 'HEAD']) {
    test(`a ${method} whose upload is reset ${name} never looks complete to the back end`, async (t) => {
      const client = await connectFrames(t);
      const path = `/cut-${code}-${method}`;
      const fields: Pairs = [[':method', method], ...getFields(path).slice(1)];
      client.write(headFrames(1, fields, false), frame(FrameType.Data, 0, 1, 'half'));
      const connection = await untilUpstreamSees(path);
      await upstream.until(() => (connection.received.includes('half') ? true : undefined));
      client.write(frame(FrameType.RstStream, 0, 1, uint32(code)));
      await upstream.untilClosed(connection);
      assert.equal(upstream.requests.length, 0);
    });
  }
}

test('a body that is not as long as announced is reset, and never looks complete to the back end', async (t) => {
  for (const [length, endStream] of [
    ['5', END_STREAM],
    ['3', 0],
    ['0', 0],
  ] as const) {
    const client = await connectFrames(t);
    const path = `/length-${length}`;
    const head = headFrames(1, postFields(path, ['content-length', length]), false);
    const data = frame(FrameType.Data, endStream, 1, 'four');
    // Without content the back end answers at once: here the DATA must not come behind that.
    if (length === '0') client.write(head, data);
    else {
      client.write(head);
      await untilUpstreamSees(path);
      client.write(data);
    }
    assert.equal(await client.resetCode(1), constants.NGHTTP2_PROTOCOL_ERROR);
    if (length === '0') continue;
    await upstream.untilClosed(await untilUpstreamSees(path));
    assert.deepEqual(
      upstream.requests.map(({ target }) => target).filter((target) => target === path),
      [],
    );
  }
});

const MALFORMED: readonly { readonly name: string; readonly fields: Pairs }[] = [
  { name: 'without :path', fields: getFields().filter(([name]) => name !== ':path') },
  { name: 'with a pseudo-field behind a field', fields: [['accept', 'x'], ...getFields()] },
  { name: 'with :status', fields: [...getFields(), [':status', '200']] },
  { name: 'with a name in upper case', fields: [...getFields(), ['Accept', 'x']] },
  { name: 'with connection', fields: [...getFields(), ['connection', 'close']] },
  { name: 'with transfer-encoding', fields: [...getFields(), ['transfer-encoding', 'chunked']] },
  { name: 'with te: gzip', fields: [...getFields(), ['te', 'gzip']] },
  { name: 'with a line end in a value', fields: [...getFields(), ['x-a', 'a\r\nx-smuggled: 1']] },
  { name: 'with a line end in a name', fields: [...getFields(), ['x-b\r\nx-smuggled', '1']] },
  { name: 'with a NUL in a value', fields: [...getFields(), ['x-c', 'nul\0']] },
  { name: 'with a blank in a name', fields: [...getFields(), ['x d', '1']] },
  { name: 'with a blank before a value', fields: [...getFields(), ['x-e', ' 1']] },
  { name: 'with an empty name', fields: [...getFields(), ['', '1']] },
  { name: 'with :protocol', fields: [...getFields(), [':protocol', 'websocket']] },
  { name: 'with a length and no body', fields: [...getFields(), ['content-length', '5']] },
];

for (const { name, fields } of MALFORMED) {
  test(`a request ${name} is reset, not forwarded, and costs no other stream`, async (t) => {
    const client = await connectFrames(t);
    client.write(headFrames(1, fields, true));
    assert.equal(await client.resetCode(1), constants.NGHTTP2_PROTOCOL_ERROR);
    client.write(getFrame(3, '/next'));
    assert.equal((await upstream.request()).target, '/next');
    await client.find(FrameType.Data, 3);
  });
}

const REFUSED: readonly {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly status: number;
}[] = [
  { name: 'a host that differs from :authority', fields: { host: 'b.example' }, status: 400 },
  { name: 'a path above the root', fields: { ':path': '/../x' }, status: 400 },
  { name: 'TRACE', fields: { ':method': 'TRACE' }, status: 405 },
  { name: 'a path that is too long', fields: { ':path': `/${'x'.repeat(16_384)}` }, status: 414 },
  { name: 'a head that is too large', fields: { 'x-a': 'x'.repeat(33_000) }, status: 431 },
  {
    name: 'too many fields',
    fields: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`x-${at}`, ''])),
    status: 431,
  },
];

for (const { name, fields, status } of REFUSED) {
  test(`${name} is answered ${status} and not forwarded`, async (t) => {
    const client = await connect(t);
    assert.equal(await (await client.get('/', fields)).status(), status);
    assert.equal(upstream.requests.length, 0);
    assert.equal((await client.get('/next')).body, 'fine');
  });
}

test('plain CONNECT is refused', async (t) => {
  const client = await connectFrames(t);
  client.write(
    headFrames(
      1,
      [
        [':method', 'CONNECT'],
        [':authority', 'a.example:443'],
      ],
      false,
    ),
  );
  // 405 is no name of the static table, so its head is not readable here; its body is.
  assert.match((await client.find(FrameType.Data, 1)).payload.toString(), /405 Method Not Allowed/);
  assert.equal(upstream.requests.length, 0);
});

const BOMBS: readonly { readonly name: string; readonly fields: Pairs }[] = [
  { name: 'of many fields', fields: Array.from({ length: 5_000 }, () => ['x', ''] as const) },
  { name: 'of many cookie crumbs', fields: Array.from({ length: 2_000 }, () => ['cookie', 'a=b'] as const) },
];

for (const { name, fields } of BOMBS) {
  test(`a head ${name} is not even collected`, async (t) => {
    const client = await connectFrames(t);
    client.write(headFrames(1, [...getFields(), ...fields], true));
    assert.equal(await client.resetCode(1), constants.NGHTTP2_ENHANCE_YOUR_CALM);
    assert.equal(upstream.requests.length, 0);
  });
}

test('a head of many bytes ends the connection before it is complete', async (t) => {
  const client = await connectFrames(t);
  const fields = Array.from({ length: 60 }, (_, at) => [`x-${at}`, 'x'.repeat(1_700)] as const);
  client.write(headFrames(1, [...getFields(), ...fields], true));
  assert.equal(await client.goawayCode(), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  assert.equal(upstream.requests.length, 0);
});

interface Flood {
  readonly name: string;
  readonly before: readonly Buffer[];
  readonly piece: (at: number) => Buffer;
}

const upload = headFrames(1, postFields('/flood'), false);

const FLOODS: readonly Flood[] = [
  { name: 'PING', before: [], piece: () => frame(FrameType.Ping, 0, 0, '12345678') },
  { name: 'SETTINGS', before: [], piece: () => frame(FrameType.Settings, 0, 0) },
  { name: 'empty DATA', before: [upload], piece: () => frame(FrameType.Data, 0, 1) },
  {
    name: 'CONTINUATION',
    before: [frame(FrameType.Headers, 0, 1, fieldBlock(getFields()))],
    piece: () => frame(FrameType.Continuation, 0, 1, fieldBlock([['a', 'b']])),
  },
  {
    name: 'streams that are reset at once',
    before: [],
    piece: (at) => Buffer.concat([getFrame(at * 2 + 1), frame(FrameType.RstStream, 0, at * 2 + 1, uint32(8))]),
  },
  {
    name: 'streams that make us reset them',
    before: [],
    piece: (at) => Buffer.concat([getFrame(at * 2 + 1), frame(FrameType.WindowUpdate, 0, at * 2 + 1, uint32(0))]),
  },
  { name: 'malformed requests', before: [], piece: (at) => headFrames(at * 2 + 1, [[':method', 'GET']], true) },
  { name: 'requests beyond the limit', before: [], piece: (at) => getFrame(at * 2 + 1, '/hang') },
];

/** Several times what is tolerated, in two windows of it; behind them the sender is silent, and waits. */
const MOST_PIECES = 20_000;

for (const { name, before: first, piece } of FLOODS) {
  test(`a flood of ${name} closes the connection`, async (t) => {
    const client = await connectFrames(t);
    upstream.script = ({ target }) => (target === '/hang' ? null : ok('fine'));
    client.write(...first);
    // Paced by the connection, until it is cut off.
    let at = 0;
    const send = (): void => {
      if (at >= MOST_PIECES || client.raw.ending !== 'open' || !client.raw.socket.writable) return;
      const frames: Buffer[] = [];
      for (const until = at + 100; at < until; at++) frames.push(piece(at));
      if (client.raw.socket.write(Buffer.concat(frames))) setImmediate(send);
      else client.raw.socket.once('drain', send);
    };
    send();
    await client.raw.remainder();
  });
}

test('streams that are reset at once are told to calm down, and few reach the back end', async (t) => {
  const client = await connectFrames(t);
  upstream.script = () => null;
  let streamId = -1;
  const pair = (): Buffer => {
    streamId += 2;
    return Buffer.concat([getFrame(streamId), frame(FrameType.RstStream, 0, streamId, uint32(8))]);
  };
  // One write for each batch, and its PING answered before the next: nothing is unread when the end comes.
  let batches = 0;
  for (let going = true; going; batches++) {
    client.seen.length = 0;
    client.write(...Array.from({ length: 50 }, pair), frame(FrameType.Ping, 0, 0, '12345678'));
    const answer = await client.first(({ type }) => type === FrameType.Ping || type === FrameType.Goaway);
    going = answer.type === FrameType.Ping;
  }
  assert.equal(await client.goawayCode(), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  assert.ok(batches <= 6, `${batches} batches were taken`);
  assert.ok(upstream.requests.length <= 300);
});

test('a client that cancels now and then among many requests is served on', async (t) => {
  const client = await connect(t);
  upstream.script = ({ target }) => (target === '/slow' ? null : ok('fine'));
  for (let round = 0; round < 150; round++) {
    const slow = client.open({ ':path': '/slow', ':authority': 'a.example' }, true);
    const quick = await Promise.all([client.get('/1'), client.get('/2')]);
    slow.stream.close(constants.NGHTTP2_CANCEL);
    assert.deepEqual(
      quick.map(({ body }) => body),
      ['fine', 'fine'],
    );
  }
  assert.equal(client.goawayCode, -1);
});

test('a client that ends its side of the connection is let go', async (t) => {
  const client = await connectFrames(t);
  upstream.script = () => null;
  client.write(getFrame(1, '/left'));
  const { connection } = await upstream.request();
  client.raw.socket.end();
  await upstream.untilClosed(connection);
  await client.raw.remainder();
});

test('what follows a preface and is no HTTP/2 ends the connection', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.notEqual((await client.remainder()).ending, 'open');
  client.destroy();
});
