/** What a request is written in: with its head, behind it, and when. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { RequestWriter } from '../../src/proxy/http1/request-writer.ts';
import type { SocketWriter } from '../../src/proxy/socket-writer.ts';
import { TurnEnd } from '../../src/proxy/turn-end.ts';
import type { WorkerContext } from '../../src/proxy/worker-context.ts';
import { WriteBuffers } from '../../src/proxy/write-buffers.ts';

const HEAD = 'POST / HTTP/1.1\r\nHost: a.example\r\n\r\n';

let writes: string[];
let heldWrites: TurnEnd;
let writer: RequestWriter;

beforeEach(() => {
  writes = [];
  heldWrites = new TurnEnd();
  const socket = {
    writeText(text: string) {
      writes.push(text);
      return false;
    },
    writeBuffer(buffer: Buffer, length: number) {
      writes.push(buffer.toString('latin1', 0, length));
      return false;
    },
  };
  const worker = { heldWrites, writeBuffers: new WriteBuffers(65_536) };
  writer = new RequestWriter(worker as unknown as WorkerContext, socket as unknown as SocketWriter);
});

function piece(bytes: number, chunked = false): boolean {
  return writer.piece(Buffer.alloc(bytes + 1, 'x'), 1, bytes + 1, chunked);
}

test('a head waits for the end of the turn, and what is small behind it goes out in the same write', () => {
  writer.begin(HEAD);
  assert.ok(piece(3, true));
  assert.ok(piece(17, true));
  writer.lastChunk();
  assert.ok(writer.holds);
  assert.deepEqual(writes, []);
  heldWrites.end();
  assert.ok(!writer.holds);
  assert.deepEqual(writes, [`${HEAD}3\r\nxxx\r\n11\r\n${'x'.repeat(17)}\r\n0\r\n\r\n`]);
});

test('a large piece takes the head along at once', () => {
  writer.begin(HEAD);
  assert.equal(piece(5_000, true), false);
  assert.ok(!writer.holds);
  assert.deepEqual(writes, [`${HEAD}1388\r\n${'x'.repeat(5_000)}\r\n`]);
  heldWrites.end();
  assert.equal(writes.length, 1);
});

test('many pieces do not wait for the end of the turn, and it is said when the socket is full', () => {
  writer.begin(HEAD);
  assert.deepEqual([piece(4_096), piece(4_096), piece(4_096)], [true, true, true]);
  assert.equal(piece(4_096), false);
  assert.deepEqual(writes, [HEAD + 'x'.repeat(16_384)]);
});

test('behind a head that is out pieces are written as they come', () => {
  writer.begin(HEAD);
  heldWrites.end();
  assert.equal(piece(2), false);
  writer.lastChunk();
  assert.deepEqual(writes, [HEAD, 'xx', '0\r\n\r\n']);
});

test('the next request waits for the end of a turn of its own', () => {
  for (let round = 1; round <= 3; round++) {
    writer.begin(HEAD);
    assert.equal(writes.length, round - 1);
    heldWrites.end();
    assert.equal(writes.length, round);
  }
});
