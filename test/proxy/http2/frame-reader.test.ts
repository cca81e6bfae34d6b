/** Frames out of bytes: every type, what is refused, and that neither splits nor nonsense change anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameRecorder } from '../../support/frame-recorder.ts';
import { ACK, END_HEADERS, END_STREAM, FrameType, frame, PREFACE, uint32 } from '../../support/http2-frames.ts';

const PADDED = 8;
const PRIORITY = 32;
const settings = frame(FrameType.Settings, 0, 0);

function read(...frames: readonly Buffer[]): readonly string[] {
  return FrameRecorder.read(Buffer.concat([settings, ...frames])).events.slice(1);
}

interface Case {
  readonly name: string;
  readonly frames: readonly Buffer[];
  readonly events: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'DATA', frames: [frame(0, 0, 1, 'abc')], events: ['data 1 of 3: abc'] },
  { name: 'the last DATA', frames: [frame(0, END_STREAM, 1, 'abc')], events: ['data 1 of 3: abc end'] },
  { name: 'empty DATA', frames: [frame(0, END_STREAM, 1)], events: ['data 1 of 0:  end'] },
  { name: 'padded DATA', frames: [frame(0, PADDED, 1, '\x02abcXX')], events: ['data 1 of 6: abc'] },
  { name: 'DATA of padding only', frames: [frame(0, PADDED, 1, '\x02XX')], events: ['data 1 of 3: '] },
  { name: 'HEADERS', frames: [frame(1, END_HEADERS, 1, 'abc')], events: ['block 1: abc'] },
  { name: 'HEADERS that end the stream', frames: [frame(1, 5, 3, 'abc')], events: ['block 3: abc end'] },
  {
    name: 'HEADERS with padding and priority',
    frames: [frame(1, END_HEADERS | PADDED | PRIORITY, 1, '\x02pppppabcXX')],
    events: ['block 1: abc'],
  },
  {
    name: 'HEADERS with CONTINUATION',
    frames: [
      frame(1, END_STREAM | PADDED | PRIORITY, 1, '\x01pppppabX'),
      frame(9, 0, 1),
      frame(9, END_HEADERS, 1, 'c'),
    ],
    events: ['block 1: abc end'],
  },
  { name: 'PRIORITY', frames: [frame(2, 0, 1, 'ppppp')], events: ['ignored 2'] },
  { name: 'PRIORITY of a wrong size', frames: [frame(2, 0, 1, 'p')], events: ['ignored 2', 'stream error 1 6'] },
  { name: 'RST_STREAM', frames: [frame(3, 0, 1, uint32(8))], events: ['reset 1 8'] },
  { name: 'SETTINGS', frames: [frame(4, 0, 0, '\0\x03\0\0\0\x64')], events: ['settings 000300000064'] },
  { name: 'its acknowledgement', frames: [frame(4, ACK, 0)], events: ['settings ack'] },
  { name: 'PING', frames: [frame(6, 0, 0, '12345678')], events: ['ping 12345678'] },
  { name: 'the answer to a PING', frames: [frame(6, ACK, 0, '12345678')], events: ['ping 12345678 ack'] },
  {
    name: 'GOAWAY',
    frames: [frame(7, 0, 0, Buffer.concat([uint32(5, 2), Buffer.from('why')]))],
    events: ['goaway 5 2'],
  },
  { name: 'WINDOW_UPDATE', frames: [frame(8, 0, 3, uint32(0x8000_0007))], events: ['window 3 7'] },
  { name: 'a WINDOW_UPDATE of 0 on a stream', frames: [frame(8, 0, 3, uint32(0))], events: ['stream error 3 1'] },
  {
    name: 'a type nobody knows',
    frames: [frame(0x10, 0xff, 7, 'what'), frame(0xaa, 0, 0)],
    events: ['ignored 16', 'ignored 170'],
  },
  { name: 'a stream with the reserved bit', frames: [frame(0, 0, 0x8000_0001, 'abc')], events: ['data 1 of 3: abc'] },
];

for (const { name, frames, events } of CASES) {
  test(`${name} is read, and what follows it`, () => {
    assert.deepEqual(read(...frames, frame(3, 0, 9, uint32(1))), [...events, 'reset 9 1']);
  });
}

const REFUSED: readonly { readonly name: string; readonly frames: readonly Buffer[]; readonly code: number }[] = [
  { name: 'a frame that is too large', frames: [frame(0, 0, 1, Buffer.alloc(16_385))], code: 6 },
  { name: 'DATA without a stream', frames: [frame(0, 0, 0, 'abc')], code: 1 },
  { name: 'DATA without its pad length', frames: [frame(0, PADDED, 1)], code: 6 },
  { name: 'DATA with too much padding', frames: [frame(0, PADDED, 1, '\x04abc')], code: 1 },
  { name: 'HEADERS without a stream', frames: [frame(1, END_HEADERS, 0, 'abc')], code: 1 },
  { name: 'HEADERS with too much padding', frames: [frame(1, END_HEADERS | PADDED, 1, '\x04abc')], code: 1 },
  { name: 'HEADERS too short for their priority', frames: [frame(1, END_HEADERS | PRIORITY, 1, 'abc')], code: 6 },
  { name: 'continued HEADERS with too much padding', frames: [frame(1, PADDED, 1, '\x04abc')], code: 1 },
  { name: 'CONTINUATION without HEADERS', frames: [frame(9, END_HEADERS, 1, 'abc')], code: 1 },
  { name: 'CONTINUATION of another stream', frames: [frame(1, 0, 1, 'a'), frame(9, END_HEADERS, 3, 'b')], code: 1 },
  { name: 'another frame inside a block', frames: [frame(1, 0, 1, 'a'), frame(6, 0, 0, '12345678')], code: 1 },
  { name: 'HEADERS inside a block', frames: [frame(1, 0, 1, 'a'), frame(1, END_HEADERS, 1, 'b')], code: 1 },
  { name: 'a type nobody knows inside a block', frames: [frame(1, 0, 1, 'a'), frame(0xaa, 0, 1, 'b')], code: 1 },
  { name: 'PRIORITY without a stream', frames: [frame(2, 0, 0, 'ppppp')], code: 1 },
  { name: 'RST_STREAM without a stream', frames: [frame(3, 0, 0, uint32(8))], code: 1 },
  { name: 'RST_STREAM of a wrong size', frames: [frame(3, 0, 1, 'abc')], code: 6 },
  { name: 'SETTINGS on a stream', frames: [frame(4, 0, 1)], code: 1 },
  { name: 'SETTINGS of a wrong size', frames: [frame(4, 0, 0, 'abc')], code: 6 },
  { name: 'an acknowledgement with settings', frames: [frame(4, ACK, 0, '\0\x03\0\0\0\x64')], code: 6 },
  { name: 'too many settings', frames: [frame(4, 0, 0, Buffer.alloc(6 * 33))], code: 11 },
  { name: 'PUSH_PROMISE', frames: [frame(5, END_HEADERS, 1, uint32(2))], code: 1 },
  { name: 'PING on a stream', frames: [frame(6, 0, 1, '12345678')], code: 1 },
  { name: 'PING of a wrong size', frames: [frame(6, 0, 0, '1234567')], code: 6 },
  { name: 'GOAWAY on a stream', frames: [frame(7, 0, 1, uint32(0, 0))], code: 1 },
  { name: 'GOAWAY of a wrong size', frames: [frame(7, 0, 0, uint32(0))], code: 6 },
  { name: 'WINDOW_UPDATE of a wrong size', frames: [frame(8, 0, 0, 'abc')], code: 6 },
  { name: 'a WINDOW_UPDATE of 0 for the connection', frames: [frame(8, 0, 0, uint32(0))], code: 1 },
  {
    name: 'a field block that is too large',
    frames: [
      frame(1, 0, 1, Buffer.alloc(16_384)),
      ...Array.from({ length: 4 }, () => frame(9, 0, 1, Buffer.alloc(16_384))),
    ],
    code: 11,
  },
  {
    name: 'a field block in too many frames',
    frames: [frame(1, 0, 1), ...Array.from({ length: 33 }, () => frame(9, 0, 1))],
    code: 11,
  },
];

for (const { name, frames, code } of REFUSED) {
  test(`${name} ends the connection, and nothing behind it is read`, () => {
    const events = read(...frames, frame(3, 0, 9, uint32(1)));
    assert.equal(events.length, 1, events.join('; '));
    assert.match(events[0] ?? '', new RegExp(`^connection error ${code}: `));
  });
}

test('a connection begins with SETTINGS, and that of a client with its preface', () => {
  for (const first of [frame(6, 0, 0, '12345678'), frame(4, ACK, 0)]) {
    assert.match(FrameRecorder.read(first).events[0] ?? '', /^connection error 1: first frame/);
  }
  const client = Buffer.concat([Buffer.from(PREFACE), settings]);
  assert.deepEqual(FrameRecorder.read(client, [], new FrameRecorder(true)).events, ['settings ']);
  const wrong = Buffer.from(PREFACE.replace('SM', 'XX'));
  for (const cuts of [[], [3, 19]]) {
    const { events } = FrameRecorder.read(wrong, cuts, new FrameRecorder(true));
    assert.deepEqual(events, ['connection error 1: no connection preface']);
  }
});

function waits(bytes: Buffer): boolean {
  return FrameRecorder.read(Buffer.concat([settings, bytes])).reader.isWaiting;
}

test('what is missing is known, except for DATA, which has its own limits of time', () => {
  assert.equal(waits(Buffer.alloc(0)), false);
  assert.equal(waits(Buffer.alloc(3)), true);
  assert.equal(waits(frame(1, END_HEADERS, 1, 'abc').subarray(0, 10)), true);
  assert.equal(waits(frame(1, 0, 1, 'abc')), true);
  assert.equal(waits(frame(0, 0, 1, 'abc').subarray(0, 10)), false);
  assert.equal(new FrameRecorder(true).reader.isWaiting, true);
});

const arbitraryFrame = fc
  .record({
    type: fc.integer({ min: 0, max: 12 }),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 12, 13, 32, 44, 255),
    streamId: fc.constantFrom(0, 1, 2, 3, 0x8000_0001),
    payload: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, Buffer.from(payload)));

const harmlessFrame = fc.constantFrom(...CASES.flatMap(({ frames }) => (frames.length === 1 ? frames : [])));

test('the same bytes give the same events, however they are split', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(harmlessFrame, harmlessFrame, arbitraryFrame), { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 30 }),
      (frames, seeds) => {
        const bytes = Buffer.concat([settings, ...frames]);
        const cuts = [...new Set(seeds.map((seed) => seed % bytes.length))].toSorted((a, b) => a - b);
        const whole = FrameRecorder.read(bytes).events;
        assert.deepEqual(FrameRecorder.read(bytes, cuts).events, whole);
        const every = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
        assert.deepEqual(FrameRecorder.read(bytes, every).events, whole);
      },
    ),
    { numRuns: 300 },
  );
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, afterSettings) => {
      const input = Buffer.from(bytes);
      const { events } = FrameRecorder.read(afterSettings ? Buffer.concat([settings, input]) : input);
      assert.ok(events.filter((event) => event.startsWith('connection error')).length <= 1);
    }),
    { numRuns: 1_000 },
  );
});
