/** Frames put together: one write a turn, long field blocks, what a peer that does not read leaves behind. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { beforeEach, test } from 'node:test';
import { FrameWriter } from '../../../src/proxy/http2/frame-writer.ts';
import { OutgoingBody } from '../../../src/proxy/http2/outgoing-body.ts';
import { SendScheduler } from '../../../src/proxy/http2/send-scheduler.ts';
import { TurnEnd } from '../../../src/proxy/turn-end.ts';
import { WriteBuffers } from '../../../src/proxy/write-buffers.ts';
import { FrameRecorder } from '../../support/frame-recorder.ts';
import { FrameType, frame } from '../../support/http2-frames.ts';

/** A socket that takes writes when told to. */
class SlowSocket {
  readonly writes: Buffer[] = [];
  readonly destroyed = false;
  readonly encrypted = true;
  readonly _handle = null;
  writableLength = 0;
  ended = false;
  readonly #taken: (() => void)[] = [];

  on(): this {
    return this;
  }

  write(bytes: Buffer, _encoding: string, done: () => void): boolean {
    this.writes.push(Buffer.from(bytes));
    this.writableLength += bytes.length;
    this.#taken.push(() => {
      this.writableLength -= bytes.length;
      done();
    });
    return this.writableLength < 65_536;
  }

  end(done: () => void): void {
    this.ended = true;
    done();
  }

  /** All that was written. */
  take(): void {
    for (const taken of this.#taken.splice(0)) taken();
  }

  events(): readonly string[] {
    const bytes = Buffer.concat([frame(FrameType.Settings, 0, 0), ...this.writes]);
    return FrameRecorder.read(bytes).events.slice(1);
  }
}

let output: SlowSocket;
let writer: FrameWriter;
let writable: number;

beforeEach(() => {
  output = new SlowSocket();
  writable = 0;
  writer = new FrameWriter(output as unknown as Socket, new TurnEnd(), new WriteBuffers(65_536), () => {
    writable++;
  });
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function block(streamId: number, text: string, endStream = false): number {
  const start = writer.beginBlock(text.length);
  const end = start + writer.target.write(text, start, 'latin1');
  return writer.endBlock(streamId, start, end, endStream);
}

test('all frames of a turn leave in one write', async () => {
  writer.settings([3, 100, 4, 65_536]);
  writer.settingsAck();
  block(1, 'head');
  writer.data(1, Buffer.from('..body..'), 2, 6, true);
  writer.windowUpdate(0, 70_000);
  writer.reset(3, 8);
  writer.ping(true, Buffer.from('-12345678'), 1);
  writer.goaway(2_147_483_647, 0);
  assert.equal(output.writes.length, 0);
  await turn();
  assert.equal(output.writes.length, 1);
  assert.deepEqual(output.events(), [
    'settings 000300000064000400010000',
    'settings ack',
    'block 1: head',
    'data 1 of 4: body end',
    'window 0 70000',
    'reset 3 8',
    'ping 12345678 ack',
    'goaway 2147483647 0',
  ]);
});

test('a frame that has not left can still end its stream', async () => {
  const at = block(1, 'head');
  const { epoch } = writer;
  writer.windowUpdate(0, 1);
  assert.equal(writer.epoch, epoch);
  writer.endStreamAt(at);
  await turn();
  assert.notEqual(writer.epoch, epoch);
  assert.deepEqual(output.events(), ['block 1: head end', 'window 0 1']);
});

test('a field block longer than a frame goes on in CONTINUATION frames', async () => {
  for (const length of [16_384, 16_385, 32_768, 50_000, 100_000]) {
    const text = Array.from({ length }, (_, at) => String.fromCharCode(33 + ((at * 7) % 90))).join('');
    block(1, text, true);
    writer.windowUpdate(0, 1);
    await turn();
    output.take();
    const bytes = Buffer.concat([frame(FrameType.Settings, 0, 0), ...output.writes.splice(0)]);
    const recorder = FrameRecorder.read(bytes, [], new FrameRecorder(false, 200_000));
    assert.ok(recorder.events[1] === `block 1: ${text} end`, `a block of ${length} bytes is another now`);
    assert.deepEqual(recorder.events.slice(2), ['window 0 1']);
    output.take();
  }
});

test('while the socket is full DATA has to wait, other frames do not, and nothing is lost or reordered', async () => {
  const body = Buffer.alloc(16_384, 'x');
  let sent = 0;
  for (let room = writer.dataRoom(); room > 0; room = writer.dataRoom()) {
    sent += room;
    writer.data(1, body, 0, room, false);
  }
  assert.equal(writer.flowing, false);
  assert.ok(sent < 4 * 65_536, `${sent} bytes are held`);
  for (let at = 0; at < 1_000; at++) writer.ping(true, Buffer.from('12345678'), 0);
  const { length } = output.writes;
  await turn();
  assert.equal(output.writes.length, length);
  assert.equal(writable, 0);
  while (output.writableLength > 0) {
    output.take();
    await turn();
  }
  assert.equal(writable, 1);
  assert.equal(writer.waitingBytes, 0);
  const events = output.events();
  const data = events.filter((event) => event.startsWith('data'));
  const lengths = data.map((event) => Number(event.split(' ')[3]?.slice(0, -1)));
  assert.equal(
    lengths.reduce((a, b) => a + b),
    sent,
  );
  assert.equal(events.filter((event) => event === 'ping 12345678 ack').length, 1_000);
});

test('small frames do not take a write each while an earlier one is not out', async () => {
  for (let round = 0; round < 50; round++) {
    writer.ping(true, Buffer.from('12345678'), 0);
    await turn();
  }
  assert.equal(output.writes.length, 1);
  output.take();
  assert.equal(output.writes.length, 2);
  assert.equal(output.events().length, 50);
});

test('what was put together still leaves when the connection ends', () => {
  for (let at = 0; at < 20_000; at++) writer.ping(true, Buffer.from('12345678'), 0);
  writer.goaway(7, 11);
  writer.end(() => undefined);
  assert.equal(output.ended, true);
  assert.equal(output.events().at(-1), 'goaway 7 11');
  assert.equal(output.events().length, 20_001);
});

test('a body may end after its connection, in the same turn as its last frame', () => {
  const ignored = { onSendProgress: (): void => undefined, onSendable: (): void => undefined };
  const body = new OutgoingBody(1, 65_535, new SendScheduler(writer), ignored);
  body.write(Buffer.from('abc'), 0, 3);
  writer.destroy();
  body.end();
  assert.deepEqual(output.writes, []);
});
