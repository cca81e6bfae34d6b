/** What a client may do on a connection and its streams, frame by frame (RFC 9113 §5, §6, §8). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FrameType,
  fieldBlock,
  frame,
  getFields,
  getFrame,
  PREFACE,
  uint32,
} from '../../support/http2-frames.ts';
import { SessionHarness } from '../../support/session-harness.ts';

const NO_ERROR = 0;
const PROTOCOL_ERROR = 1;
const INTERNAL_ERROR = 2;
const FLOW_CONTROL_ERROR = 3;
const STREAM_CLOSED = 5;
const FRAME_SIZE_ERROR = 6;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const COMPRESSION_ERROR = 9;
const ENHANCE_YOUR_CALM = 11;

const opening = Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(FrameType.Settings, 0, 0)]);

type Pairs = readonly (readonly [name: string, value: string])[];

function open(t: TestContext, settings: ConstructorParameters<typeof SessionHarness>[0] = {}): SessionHarness {
  const harness = new SessionHarness(settings);
  t.after(() => harness.close());
  return harness.read(opening);
}

function headers(streamId: number, fields: Pairs, flags = END_HEADERS): Buffer {
  return frame(FrameType.Headers, flags | END_HEADERS, streamId, fieldBlock(fields));
}

function post(streamId: number, ...more: Pairs): Buffer {
  return headers(streamId, [[':method', 'POST'], ...getFields().slice(1), ...more]);
}

function data(streamId: number, body: Buffer | string, flags = 0): Buffer {
  return frame(FrameType.Data, flags, streamId, body);
}

function setting(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return frame(FrameType.Settings, 0, 0, payload);
}

const reset = (streamId: number, code = CANCEL): Buffer => frame(FrameType.RstStream, 0, streamId, uint32(code));
const credit = (streamId: number, bytes: number): Buffer => frame(FrameType.WindowUpdate, 0, streamId, uint32(bytes));
const ping = frame(FrameType.Ping, 0, 0, '12345678');

function connection(harness: SessionHarness, at = 0): SessionHarness['connections'][number] {
  const found = harness.connections[at];
  assert.ok(found !== undefined, `there is no exchange ${at}`);
  return found;
}

test('the first frames are our settings and the rest of the connection window', (t) => {
  const harness = open(t).turn();
  const [first, second, third] = harness.frames;
  assert.equal(first?.payload.toString('hex'), '000300000064000400040000000600010000000800000001');
  assert.deepEqual([second?.type, second?.payload.readUInt32BE(0)], [FrameType.WindowUpdate, 1_048_576 - 65_535]);
  assert.deepEqual([third?.type, third?.flags], [FrameType.Settings, ACK]);
});

test('responses of one turn leave in one write, each in two frames', (t) => {
  const harness = open(t);
  harness.turn();
  harness.read(Buffer.concat([1, 3, 5, 7].map((id) => getFrame(id))));
  for (const each of harness.connections) each.answer();
  harness.session.writer.onTurnEnd();
  assert.equal(harness.socket.out.length, 1);
  for (const id of [1, 3, 5, 7]) {
    assert.equal(harness.body(id), 'fine.');
    assert.equal(harness.of(FrameType.Headers, id)[0]?.flags, END_HEADERS);
    assert.equal(harness.of(FrameType.Data, id)[0]?.flags, END_STREAM);
  }
});

test('trailers of a request reach the exchange, without those that mean something else there', (t) => {
  const harness = open(t);
  const trailers: Pairs = [
    ['x-sum', '1'],
    ['host', 'b.example'],
    ['content-length', '9'],
    ['x_sum', '2'],
  ];
  harness.read(post(1), data(1, 'body'), headers(1, trailers, END_STREAM));
  const { body, ended, trailers: seen } = connection(harness);
  assert.deepEqual([body, ended, seen], ['body', true, ['x-sum', '1']]);
});

test('trailers of a response end its stream', (t) => {
  const harness = open(t);
  harness.read(getFrame(1));
  connection(harness).answer('some', 'Transfer-Encoding: chunked\r\n', true);
  harness.turn();
  connection(harness).piece('more', false, ['Grpc-Status', '0']);
  assert.equal(harness.body(1), 'somemore.');
  const [head, last] = harness.of(FrameType.Headers, 1);
  assert.ok(head !== undefined && last !== undefined);
  harness.fields(head);
  assert.deepEqual(harness.fields(last), ['grpc-status', '0']);
  assert.equal(last.flags, END_STREAM | END_HEADERS);
  assert.equal(harness.resetCode(1), -1);
});

interface StreamFault {
  readonly name: string;
  readonly frames: readonly Buffer[];
  readonly code: number;
}

const STREAM_FAULTS: readonly StreamFault[] = [
  { name: 'trailers that do not end it', frames: [post(1), headers(1, [['x-a', '1']])], code: PROTOCOL_ERROR },
  {
    name: 'trailers with a pseudo-field',
    frames: [post(1), headers(1, [[':path', '/']], END_STREAM)],
    code: PROTOCOL_ERROR,
  },
  { name: 'invalid trailers', frames: [post(1), headers(1, [['X-A', '1']], END_STREAM)], code: PROTOCOL_ERROR },
  {
    name: 'trailers behind too little body',
    frames: [post(1, ['content-length', '5']), data(1, 'four'), headers(1, [['x-a', '1']], END_STREAM)],
    code: PROTOCOL_ERROR,
  },
  { name: 'DATA behind its end', frames: [getFrame(1), data(1, 'x')], code: STREAM_CLOSED },
  {
    name: 'HEADERS behind its end',
    frames: [getFrame(1), headers(1, [['x-a', '1']], END_STREAM)],
    code: STREAM_CLOSED,
  },
  { name: 'credit of 0', frames: [getFrame(1), credit(1, 0)], code: PROTOCOL_ERROR },
  { name: 'too much credit', frames: [getFrame(1), credit(1, 2_147_483_647)], code: FLOW_CONTROL_ERROR },
  {
    name: 'PRIORITY of a wrong size',
    frames: [getFrame(1), frame(FrameType.Priority, 0, 1, 'x')],
    code: FRAME_SIZE_ERROR,
  },
  {
    name: 'more DATA than its window',
    frames: [post(1), ...Array.from({ length: 17 }, () => data(1, Buffer.alloc(16_384)))],
    code: FLOW_CONTROL_ERROR,
  },
];

for (const { name, frames, code } of STREAM_FAULTS) {
  test(`a stream with ${name} is reset, its back end let go, and the connection goes on`, (t) => {
    const harness = open(t);
    const [head, ...rest] = frames;
    harness.read(head as Buffer);
    // So that nothing is handed on, and no credit returned.
    if (code === FLOW_CONTROL_ERROR) connection(harness).exchange.downstream.pauseRequest();
    harness.read(...rest);
    assert.equal(harness.resetCode(1), code);
    assert.equal(connection(harness).abandoned, true);
    harness.read(getFrame(3));
    connection(harness, 1).answer();
    assert.equal(harness.body(3), 'fine.');
    assert.equal(harness.worker.activeRequests, 0);
  });
}

interface ConnectionFault {
  readonly name: string;
  readonly frames: readonly Buffer[];
  readonly code: number;
}

const CONNECTION_FAULTS: readonly ConnectionFault[] = [
  { name: 'a stream with an even id', frames: [getFrame(2)], code: PROTOCOL_ERROR },
  { name: 'a stream older than the latest', frames: [getFrame(5), getFrame(3)], code: PROTOCOL_ERROR },
  { name: 'DATA on an idle stream', frames: [data(1, 'x')], code: PROTOCOL_ERROR },
  { name: 'RST_STREAM on an idle stream', frames: [reset(1)], code: PROTOCOL_ERROR },
  { name: 'credit for an idle stream', frames: [credit(1, 1)], code: PROTOCOL_ERROR },
  { name: 'credit of 0 for an idle stream', frames: [credit(1, 0)], code: PROTOCOL_ERROR },
  { name: 'credit for a stream we would open', frames: [credit(2, 1)], code: PROTOCOL_ERROR },
  { name: 'DATA on a stream the client has reset', frames: [post(1), reset(1), data(1, 'x')], code: STREAM_CLOSED },
  { name: 'HEADERS on a stream the client has reset', frames: [post(1), reset(1), post(1)], code: STREAM_CLOSED },
  { name: 'too much credit', frames: [credit(0, 2_147_483_647)], code: FLOW_CONTROL_ERROR },
  { name: 'an initial window beyond the limit', frames: [setting(4, 2_147_483_648)], code: FLOW_CONTROL_ERROR },
  {
    name: 'an initial window that takes a stream beyond the limit',
    frames: [getFrame(1), credit(1, 2_147_000_000), setting(4, 2_000_000)],
    code: FLOW_CONTROL_ERROR,
  },
  { name: 'a field block that is none', frames: [frame(FrameType.Headers, 5, 1, '\x80')], code: COMPRESSION_ERROR },
  { name: 'ENABLE_PUSH of 7', frames: [setting(2, 7)], code: PROTOCOL_ERROR },
];

for (const { name, frames, code } of CONNECTION_FAULTS) {
  test(`${name} ends the connection, with all its streams`, (t) => {
    const harness = open(t);
    harness.read(...frames, ping);
    assert.equal(harness.goawayCode(), code);
    assert.equal(harness.of(FrameType.Goaway, 0).length, 1);
    assert.equal(harness.of(FrameType.Ping, 0).length, 0);
    assert.equal(harness.socket.ended, true);
    assert.ok(harness.connections.every(({ abandoned }) => abandoned));
    assert.equal(harness.worker.activeRequests, 0);
    harness.tick(2_000);
    assert.equal(harness.closed, true);
  });
}

test('more DATA than the connection allows ends it', (t) => {
  const harness = open(t);
  // Five streams that are not read: more than 4 MiB wait, so credit is no longer returned.
  for (let id = 1; id < 60; id += 2) {
    harness.read(post(id));
    connection(harness, (id - 1) / 2).exchange.downstream.pauseRequest();
  }
  let sent = 0;
  for (let id = 1; id < 60 && harness.goawayCode() === -1; id += 2) {
    for (let at = 0; at < 16 && harness.goawayCode() === -1; at++, sent += 16_384) {
      harness.read(data(id, Buffer.alloc(16_384)));
    }
  }
  assert.equal(harness.goawayCode(), FLOW_CONTROL_ERROR);
  assert.ok(sent > 4 * 1_048_576 && sent <= 5 * 1_048_576 + 16_384, `${sent} bytes were taken`);
});

test('frames on their way when we reset their stream mean nothing, and their credit is returned', (t) => {
  const harness = open(t);
  harness.read(post(1, ['content-length', '3']), data(1, 'four'));
  assert.equal(harness.resetCode(1), PROTOCOL_ERROR);
  for (let at = 0; at < 70; at++) harness.read(data(1, Buffer.alloc(16_384)));
  harness.read(headers(1, [['x-a', '1']], END_STREAM), reset(1), credit(1, 5));
  assert.equal(harness.goawayCode(), -1);
  const returned = harness.of(FrameType.WindowUpdate, 0).slice(1);
  assert.ok(returned.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0) >= 1_048_576);
});

test('a block of a refused stream still counts for the coding of the next', (t) => {
  const harness = open(t);
  // A literal that is put into the table (RFC 7541 §6.2.1), on a stream that is malformed; then the index of it.
  const named = Buffer.concat([Buffer.from([0x40, 3]), Buffer.from('x-a'), Buffer.from([1]), Buffer.from('1')]);
  harness.read(frame(FrameType.Headers, END_HEADERS | END_STREAM, 1, named));
  assert.equal(harness.resetCode(1), PROTOCOL_ERROR);
  const indexed = Buffer.concat([fieldBlock(getFields()), Buffer.from([0x80 | 62])]);
  harness.read(frame(FrameType.Headers, END_HEADERS | END_STREAM, 3, indexed));
  assert.match(connection(harness).exchange.requestText, /\r\nx-a: 1\r\n/);
});

test('streams beyond the limit are refused, and a slot is free again when its stream is over', (t) => {
  const harness = open(t);
  for (let id = 1; id <= 203; id += 2) harness.read(getFrame(id));
  assert.equal(harness.connections.length, 100);
  assert.deepEqual(
    [199, 201, 203].map((id) => harness.resetCode(id)),
    [-1, REFUSED_STREAM, REFUSED_STREAM],
  );
  connection(harness).answer();
  harness.read(getFrame(205));
  assert.equal(harness.connections.length, 101);
});

test('a response that does not fit its windows waits, tells its back end to stop, and goes on with credit', (t) => {
  const harness = open(t);
  harness.read(setting(4, 10), getFrame(1));
  assert.equal(connection(harness).answer('0123456789abcdef', 'Content-Length: 20\r\n', true), false);
  assert.equal(harness.body(1), '0123456789');
  harness.read(credit(1, 3));
  assert.equal(harness.body(1), '0123456789abc');
  assert.equal(connection(harness).resumed, 0);
  harness.read(setting(4, 13));
  assert.equal(harness.body(1), '0123456789abcdef');
  assert.equal(connection(harness).resumed, 1);
  connection(harness).piece('wxyz', false);
  assert.equal(harness.body(1), '0123456789abcdef');
  harness.read(credit(1, 100));
  assert.equal(harness.body(1), '0123456789abcdefwxyz.');
  assert.equal(harness.resetCode(1), -1);
});

test('an initial window made smaller takes what streams have, below zero if need be', (t) => {
  const harness = open(t);
  harness.read(setting(4, 10), getFrame(1));
  connection(harness).answer('0123456789abcdef', 'Content-Length: 16\r\n', false);
  harness.read(setting(4, 4), credit(1, 6));
  assert.equal(harness.body(1), '0123456789');
  harness.read(credit(1, 1));
  assert.equal(harness.body(1), '0123456789a');
  harness.read(setting(4, 100));
  assert.equal(harness.body(1), '0123456789abcdef.');
});

test('streams share the window of the connection, a frame each in turn', (t) => {
  const harness = open(t);
  harness.read(setting(4, 1_000_000), getFrame(1), getFrame(3), getFrame(5));
  const body = 'x'.repeat(100_000);
  for (const each of harness.connections) each.answer(body);
  harness.turn();
  harness.frames.length = 0;
  harness.read(credit(0, 1_000_000));
  harness.turn();
  const order = harness.frames.filter(({ type }) => type === FrameType.Data).map(({ streamId }) => streamId);
  assert.deepEqual(order.slice(0, 6), [1, 3, 5, 1, 3, 5]);
  assert.deepEqual(
    [1, 3, 5].map((id) => harness.frames.findLast(({ streamId }) => streamId === id)?.flags),
    [1, 1, 1],
  );
});

test('a paused upload gets no credit beyond its window, and all of it is handed on afterwards', (t) => {
  const harness = open(t);
  harness.read(post(1));
  const back = connection(harness);
  back.flowing = false;
  harness.read(data(1, 'first'));
  for (let sent = 5; sent < 262_144; ) {
    const bytes = Math.min(16_384, 262_144 - sent);
    harness.read(data(1, Buffer.alloc(bytes)));
    sent += bytes;
  }
  assert.equal(back.receivedBytes, 5);
  assert.equal(harness.of(FrameType.WindowUpdate, 1).length, 0);
  back.flowing = true;
  back.exchange.onUpstreamDrain();
  assert.equal(back.receivedBytes, 262_144);
  assert.equal(harness.of(FrameType.WindowUpdate, 1)[0]?.payload.readUInt32BE(0), 262_144);
  harness.read(data(1, 'last', END_STREAM));
  assert.deepEqual([back.receivedBytes, back.ended], [262_148, true]);
});

test('an end behind a paused upload waits for it', (t) => {
  const harness = open(t);
  harness.read(post(1));
  const back = connection(harness);
  back.flowing = false;
  harness.read(data(1, 'one'), data(1, 'two'), headers(1, [['x-a', '1']], END_STREAM));
  assert.deepEqual([back.body, back.ended], ['one', false]);
  back.flowing = true;
  back.exchange.onUpstreamDrain();
  assert.deepEqual([back.body, back.ended, back.trailers], ['onetwo', true, ['x-a', '1']]);
});

test('padding is paid back too', (t) => {
  const harness = open(t);
  harness.read(post(1));
  for (let at = 0; at < 1_100; at++)
    harness.read(frame(FrameType.Data, 8, 1, Buffer.alloc(256, Buffer.from([254, 120]))));
  assert.equal(harness.goawayCode(), -1);
  assert.equal(harness.resetCode(1), -1);
  assert.equal(connection(harness).receivedBytes, 1_100);
});

test('an answer before the end of an upload is followed by a reset without error', (t) => {
  const harness = open(t);
  harness.read(post(1), data(1, 'some'));
  connection(harness).answer();
  assert.equal(harness.body(1), 'fine.');
  assert.equal(harness.resetCode(1), NO_ERROR);
  harness.read(data(1, 'more'), data(1, '', END_STREAM));
  assert.equal(harness.goawayCode(), -1);
});

test('a response that breaks off is reset, and what waits of it is not sent', (t) => {
  const harness = open(t);
  harness.read(setting(4, 2), getFrame(1));
  connection(harness).answer('half', 'Content-Length: 9\r\n', true);
  connection(harness).exchange.downstream.abortResponse();
  assert.equal(harness.resetCode(1), INTERNAL_ERROR);
  harness.read(credit(1, 100));
  assert.equal(harness.body(1), 'ha');
});

test('drain: a warning first, requests on their way are served, then the last id, then the end', (t) => {
  const harness = open(t);
  harness.read(getFrame(1));
  harness.session.drain();
  const [warning] = harness.of(FrameType.Goaway, 0);
  assert.deepEqual([warning?.payload.readUInt32BE(0), warning?.payload.readUInt32BE(4)], [2_147_483_647, NO_ERROR]);
  const probe = harness.of(FrameType.Ping, 0)[0];
  harness.read(getFrame(3), frame(FrameType.Ping, ACK, 0, probe?.payload ?? ''));
  assert.equal(harness.of(FrameType.Goaway, 0)[1]?.payload.readUInt32BE(0), 3);
  harness.read(getFrame(5), post(7), data(7, 'x'), reset(7), credit(7, 1));
  assert.equal(harness.connections.length, 2);
  for (const each of harness.connections) {
    assert.equal(harness.socket.ended, false);
    each.answer();
  }
  assert.equal(harness.body(3), 'fine.');
  assert.equal(harness.socket.ended, true);
  assert.equal(harness.of(FrameType.Goaway, 0).length, 2);
});

test('a client that does not answer the warning is told the last id a second later', (t) => {
  const harness = open(t);
  harness.session.drain();
  harness.tick(900);
  assert.equal(harness.of(FrameType.Goaway, 0).length, 1);
  harness.tick(100);
  assert.equal(harness.of(FrameType.Goaway, 0)[1]?.payload.readUInt32BE(0), 0);
  assert.equal(harness.socket.ended, true);
  harness.tick(2_000);
  assert.equal(harness.closed, true);
});

test('a frame or a field section that does not go on is cut, whatever else is under way', (t) => {
  for (const begun of [getFrame(3).subarray(0, 20), frame(FrameType.Headers, 0, 3, fieldBlock(getFields()))]) {
    const harness = open(t, { headTimeoutMs: 5_000 });
    harness.read(getFrame(1), begun);
    harness.tick(4_900);
    assert.equal(harness.closed, false);
    harness.tick(200);
    assert.equal(harness.closed, true);
    assert.equal(connection(harness).abandoned, true);
  }
});

test('a client that does not read stops its back ends, and in the end it is cut', (t) => {
  const harness = open(t, { writeTimeoutMs: 5_000 });
  harness.read(setting(4, 10_000_000), credit(0, 100_000_000), getFrame(1)).turn();
  harness.socket.slow = true;
  const back = connection(harness);
  let flowing = back.answer('', 'Transfer-Encoding: chunked\r\n', true);
  for (let at = 0; flowing && at < 100; at++) {
    flowing = back.piece('x'.repeat(60_000), true);
    harness.turn();
  }
  assert.equal(flowing, false);
  assert.ok(harness.session.writer.waitingBytes < 200_000);
  harness.tick(100);
  harness.tick(4_900);
  assert.equal(harness.closed, false);
  harness.tick(100);
  assert.equal(harness.closed, true);
  assert.equal(back.abandoned, true);
});

test('while much waits for a client it is not read, and when it reads again all of it comes', (t) => {
  const harness = open(t);
  for (let id = 1; id < 80; id += 2) harness.read(getFrame(id));
  harness.turn();
  harness.socket.slow = true;
  for (const each of harness.connections) {
    each.answer('fine', `Content-Length: 4\r\nX-Long: ${'x'.repeat(20_000)}\r\n`);
    harness.turn();
  }
  assert.equal(harness.socket.paused, false);
  harness.read(ping);
  assert.equal(harness.socket.paused, true);
  harness.socket.drain();
  assert.equal(harness.socket.paused, false);
  for (let id = 1; id < 80; id += 2) assert.equal(harness.body(id), 'fine.');
  assert.equal(harness.of(FrameType.Ping, 0).length, 1);
});

interface Flood {
  readonly name: string;
  readonly before: readonly Buffer[];
  readonly piece: (at: number) => Buffer;
  /** How many are taken without a word. */
  readonly allowed: number;
}

const FLOODS: readonly Flood[] = [
  { name: 'PING', before: [], piece: () => ping, allowed: 1_900 },
  { name: 'answers to PINGs', before: [], piece: () => frame(FrameType.Ping, ACK, 0, '12345678'), allowed: 1_900 },
  { name: 'SETTINGS', before: [], piece: () => setting(4, 1_000), allowed: 1_900 },
  { name: 'acknowledged SETTINGS', before: [], piece: () => frame(FrameType.Settings, ACK, 0), allowed: 1_900 },
  { name: 'PRIORITY', before: [], piece: () => frame(FrameType.Priority, 0, 1, 'ppppp'), allowed: 1_900 },
  { name: 'frames nobody knows', before: [], piece: () => frame(0xbe, 0, 1, 'x'), allowed: 1_900 },
  { name: 'GOAWAY', before: [getFrame(1)], piece: () => frame(FrameType.Goaway, 0, 0, uint32(0, 0)), allowed: 1_900 },
  { name: 'credit for the connection', before: [], piece: () => credit(0, 1), allowed: 1_900 },
  { name: 'credit for a stream', before: [getFrame(1)], piece: () => credit(1, 1), allowed: 1_900 },
  { name: 'credit for a closed stream', before: [getFrame(1), reset(1)], piece: () => credit(1, 1), allowed: 1_900 },
  { name: 'RST_STREAM for a closed stream', before: [getFrame(1)], piece: () => reset(1), allowed: 1_900 },
  { name: 'empty DATA', before: [post(1)], piece: () => data(1, ''), allowed: 190 },
  { name: 'DATA of padding', before: [post(1)], piece: () => frame(FrameType.Data, 8, 1, '\x01x'), allowed: 190 },
  {
    name: 'DATA for a stream we have reset',
    before: [post(1, ['content-length', '1']), data(1, 'xx')],
    piece: () => data(1, 'x'),
    allowed: 1_900,
  },
  {
    name: 'trailers for a stream we have reset',
    before: [post(1, ['content-length', '1']), data(1, 'xx')],
    piece: () => headers(1, [['x-a', '1']], END_STREAM),
    allowed: 1_900,
  },
  {
    name: 'streams that are reset at once',
    before: [],
    piece: (at) => Buffer.concat([getFrame(at * 2 + 1), reset(at * 2 + 1)]),
    allowed: 190,
  },
  {
    name: 'streams that make us reset them',
    before: [],
    piece: (at) => Buffer.concat([getFrame(at * 2 + 1), credit(at * 2 + 1, 0)]),
    allowed: 190,
  },
  { name: 'malformed requests', before: [], piece: (at) => headers(at * 2 + 1, [], END_STREAM), allowed: 190 },
  { name: 'requests beyond the limit', before: [], piece: (at) => getFrame(at * 2 + 1), allowed: 190 },
];

for (const { name, before, piece, allowed } of FLOODS) {
  test(`a flood of ${name} is told to calm down, and some of it is not`, (t) => {
    const harness = open(t).read(...before);
    let taken = 0;
    for (; taken < 10_000 && harness.goawayCode() !== ENHANCE_YOUR_CALM; taken++) harness.read(piece(taken));
    assert.equal(harness.goawayCode(), ENHANCE_YOUR_CALM);
    assert.ok(taken > allowed && taken < 3_000, `${taken} were taken`);
    assert.equal(harness.worker.activeRequests, 0);
    assert.deepEqual(
      harness.logger.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });
}

test('a download whose client gives credit for what it has read is no flood', (t) => {
  const harness = open(t);
  harness.read(getFrame(1));
  const back = connection(harness);
  back.answer('', 'Transfer-Encoding: chunked\r\n', true);
  const piece = 'x'.repeat(4_096);
  for (let at = 0; at < 20_000; at++) {
    back.piece(piece, true);
    harness.read(credit(0, 4_096), credit(1, 4_096));
    if (at % 100 === 0) harness.turn().frames.length = 0;
  }
  assert.equal(harness.goawayCode(), -1);
});

test('nothing of a request, an upload or a connection is left when the client goes', (t) => {
  const harness = open(t);
  harness.read(getFrame(1), post(3), data(3, 'some'), getFrame(5));
  connection(harness).answer('part', 'Content-Length: 100\r\n', true);
  harness.session.destroy();
  assert.ok(harness.connections.every(({ abandoned }) => abandoned));
  assert.deepEqual([harness.worker.activeRequests, harness.worker.activeConnections, harness.closed], [0, 0, true]);
});
