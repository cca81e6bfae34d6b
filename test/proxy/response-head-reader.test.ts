/** Response heads in pieces: any split means what the whole means, the limit is exact, and small reads cost little. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { HEAD_INCOMPLETE } from '../../src/proxy/http1/head-end.ts';
import { HEAD_INVALID, ResponseHead } from '../../src/proxy/http1/response-head.ts';
import { ResponseHeadReader } from '../../src/proxy/http1/response-head-reader.ts';

const MAX_HEAD_BYTES = 32_768;

interface Read {
  /** `incomplete`, `invalid`, or the status. */
  readonly verdict: string;
  /** Where what follows begins in the whole text. */
  readonly behind: number;
}

/** Reads `text` in segments that end at the given offsets. */
function read(text: string, cuts: readonly number[]): Read {
  const head = new ResponseHead(20);
  const reader = new ResponseHeadReader(head);
  const bytes = Buffer.from(text, 'latin1');
  // Like the buffer reads go into, with what an earlier and longer read has left there.
  const buffer = Buffer.alloc(2 * bytes.length + 8, 'HTTP/1.1 299 Stale\r\n\r\n');
  let begin = 0;
  for (const end of [...new Set([...cuts.filter((cut) => cut < bytes.length), bytes.length])].toSorted(
    (a, b) => a - b,
  )) {
    bytes.copy(buffer, 0, begin, end);
    const position = reader.read(buffer, 0, end - begin, false);
    if (position === HEAD_INVALID) return { verdict: 'invalid', behind: 0 };
    if (position !== HEAD_INCOMPLETE) return { verdict: String(head.status), behind: begin + position };
    begin = end;
  }
  return { verdict: 'incomplete', behind: 0 };
}

function everyCut(text: string): readonly number[] {
  return Array.from({ length: text.length }, (_, at) => at).slice(1);
}

/** A head of exactly this many bytes, the CRLF CRLF at its end not counted. */
function headOf(bytes: number): string {
  const start = 'HTTP/1.1 200 OK\r\nX: ';
  return `${start}${'y'.repeat(bytes - start.length)}\r\n\r\n`;
}

test('any split gives the head, and what follows it, that the whole gives', () => {
  const piece = fc.constantFrom(
    'HTTP/1.1 200 OK',
    'HTTP/1.1 103 Early',
    '\r\n',
    '\r\n\r\n',
    '\r',
    '\n',
    'X: y',
    'body',
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join('')),
      fc.array(fc.nat(120), { maxLength: 8 }),
      (text, cuts) => {
        assert.deepEqual(read(text, cuts), read(text, []));
        assert.deepEqual(read(text, everyCut(text)), read(text, []));
      },
    ),
    { numRuns: 500 },
  );
});

test('the limit is the same byte however the head is split', () => {
  for (const [size, verdict] of [
    [MAX_HEAD_BYTES, '200'],
    [MAX_HEAD_BYTES + 1, 'invalid'],
  ] as const) {
    const text = `${headOf(size)}body`;
    const behind = verdict === '200' ? size + 4 : 0;
    for (const cuts of [[], [1], [MAX_HEAD_BYTES - 1], [MAX_HEAD_BYTES + 1], [MAX_HEAD_BYTES + 3], everyCut(text)]) {
      assert.deepEqual(read(text, cuts), { verdict, behind }, `${size} bytes, ${cuts.length} cuts`);
    }
  }
});

test('a head without end is given up at the limit, whole and byte by byte', () => {
  const text = `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(2 * MAX_HEAD_BYTES)}`;
  assert.equal(read(text, []).verdict, 'invalid');
  assert.equal(read(text, everyCut(text)).verdict, 'invalid');
});

test('a head that comes byte by byte is copied a few times, not once a byte', (t: TestContext) => {
  const text = headOf(MAX_HEAD_BYTES);
  const bytes = Buffer.from(text, 'latin1');
  const reader = new ResponseHeadReader(new ResponseHead(20));
  let allocated = 0;
  for (const name of ['allocUnsafe', 'allocUnsafeSlow'] as const) {
    const allocate = Buffer[name].bind(Buffer);
    t.mock.method(Buffer, name, (size: number) => {
      allocated += size;
      return allocate(size);
    });
  }
  const concat = Buffer.concat.bind(Buffer);
  t.mock.method(Buffer, 'concat', (list: readonly Uint8Array[]) => {
    const joined = concat(list);
    allocated += joined.length;
    return joined;
  });
  let position = HEAD_INCOMPLETE;
  for (let at = 0; at < bytes.length; at++) position = reader.read(bytes.subarray(at, at + 1), 0, 1, false);
  assert.equal(position, 1);
  assert.ok(allocated <= 8 * bytes.length, `${allocated} bytes`);
});
