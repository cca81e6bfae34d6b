/** Heads in pieces: any split means what the whole means, and nothing grows without end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { HeadBuffer } from '../../src/proxy/http1/head-buffer.ts';

const MAX_HEAD_BYTES = 200;
const MAX_TARGET_BYTES = 60;
const MAX_SKIPPED_BYTES = 4;

interface Collected {
  readonly status: number;
  /** Null = not complete. */
  readonly head: string | null;
  readonly used: number;
}

function collect(text: string, cuts: readonly number[]): Collected {
  const buffer = new HeadBuffer(MAX_HEAD_BYTES, MAX_TARGET_BYTES, MAX_SKIPPED_BYTES);
  const bytes = Buffer.from(text, 'latin1');
  let begin = 0;
  for (const end of [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted(
    (a, b) => a - b,
  )) {
    if (end === begin) continue;
    // As in a real read, the piece is a part of something larger.
    const used = buffer.append(bytes, begin, end);
    if (buffer.status !== 0) return { status: buffer.status, head: null, used: 0 };
    if (buffer.headEnd !== -1) {
      return { status: 0, head: buffer.bytes.toString('latin1', buffer.start, buffer.headEnd), used };
    }
    begin = end;
  }
  return { status: 0, head: null, used: begin };
}

const piece = fc.constantFrom(
  'GET / HTTP/1.1',
  '\r\n',
  '\r\n\r\n',
  '\r',
  '\n',
  'X: y',
  'Host: a\r\n',
  '\r\n\r\nbody',
  ' ',
  'é',
  '\x16',
);
const head = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.nat(3).map((lines) => `${'\r\n'.repeat(lines)}GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next`),
  fc.integer({ min: 150, max: 260 }).map((size) => `GET / HTTP/1.1\r\nX: ${'y'.repeat(size)}\r\n\r\n`),
  fc.integer({ min: 40, max: 260 }).map((size) => `GET /${'x'.repeat(size)} HTTP/1.1\r\n\r\n`),
);

test('any split gives the head, or the refusal, that the whole gives', () => {
  fc.assert(
    fc.property(head, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      const collected = collect(text, []);
      // No method begins like this: the parser would refuse it, and a piece of it may be refused earlier.
      const hopeless = collected.head !== null && !/^[!-~]/.test(collected.head);
      const whole = hopeless ? { status: 400, head: null, used: 0 } : collected;
      if (hopeless && collect(text, cuts).head !== null) return;
      const parts = collect(text, cuts);
      // A target that is too long is seen before its head turns out to be too long, or the other way round.
      if (whole.status === 431 || whole.status === 414) assert.ok(parts.status === 431 || parts.status === 414);
      // What a piece shows to be hopeless is refused although the rest would have been refused for another reason.
      else if (parts.status === 414 && whole.head !== null) assert.ok(whole.head.indexOf('\r\n') > MAX_TARGET_BYTES);
      else assert.deepEqual(parts, whole);
    }),
    { numRuns: 1_000 },
  );
});

test('bytes behind the head are not taken', () => {
  const text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next';
  assert.deepEqual(collect(text, []), {
    status: 0,
    head: 'GET / HTTP/1.1\r\nHost: a',
    used: text.indexOf('GET /next'),
  });
});

const REFUSED: readonly { readonly name: string; readonly text: string; readonly status: number }[] = [
  { name: 'a bare LF', text: 'GET / HTTP/1.1\n', status: 400 },
  { name: 'a LF first', text: '\n', status: 400 },
  { name: 'a third empty line', text: '\r\n\r\n\r\n', status: 400 },
  { name: 'a first byte that no method begins with', text: '\x16\x03\x01', status: 400 },
  { name: 'a first byte that no method begins with, behind an empty line', text: '\r\n ', status: 400 },
  { name: 'a line without end', text: 'x'.repeat(MAX_TARGET_BYTES + 65), status: 414 },
  { name: 'fields without end', text: `GET / HTTP/1.1\r\nX: ${'y'.repeat(MAX_HEAD_BYTES)}`, status: 431 },
];

for (const { name, text, status } of REFUSED) {
  test(`${name} is refused with ${status} as soon as it is there`, () => {
    assert.equal(collect(text, []).status, status);
    assert.equal(
      collect(
        text,
        Array.from({ length: text.length }, (_, at) => at),
      ).status,
      status,
    );
  });
}
