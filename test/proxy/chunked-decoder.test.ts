/** The chunked coding: its grammar byte by byte, and that segments make no difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ChunkedDecoder } from '../../src/proxy/http1/chunked-decoder.ts';

interface Decoded {
  /** -1 when the coding is broken. */
  readonly used: number;
  readonly data: string;
  readonly done: boolean;
}

/** Decodes `text` in segments that end at the given offsets. */
function decode(text: string, cuts: readonly number[] = []): Decoded {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from(text, 'latin1');
  let data = '';
  const sink = {
    onChunkData: (buffer: Buffer, start: number, end: number): void => {
      data += buffer.toString('latin1', start, end);
    },
  };
  let used = 0;
  for (const end of [...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length]) {
    // The rest of the segment's buffer holds bytes that were not received: they must not be looked at.
    const segment = Buffer.concat([bytes.subarray(0, end), Buffer.from('0\r\n\r\n')]);
    const position = decoder.decode(segment, used, end, sink);
    if (position === -1) return { used: -1, data, done: decoder.done };
    used = position;
    if (decoder.done) break;
    assert.equal(used, end);
  }
  return { used, data, done: decoder.done };
}

const GOOD: readonly {
  readonly name: string;
  readonly text: string;
  readonly data: string;
  readonly behind?: string;
}[] = [
  { name: 'one chunk', text: '5\r\nhello\r\n0\r\n\r\n', data: 'hello' },
  { name: 'several chunks', text: '5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n', data: 'hello world' },
  { name: 'no data at all', text: '0\r\n\r\n', data: '' },
  {
    name: 'upper and lower case digits',
    text: 'A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n',
    data: '01234567890123456789',
  },
  { name: 'leading zeros up to 13 digits', text: '0000000000005\r\nhello\r\n0000000000000\r\n\r\n', data: 'hello' },
  { name: 'an extension', text: '5;a=b\r\nhello\r\n0;c\r\n\r\n', data: 'hello' },
  { name: 'an extension in quotes', text: '5;a="b;c d"\r\nhello\r\n0\r\n\r\n', data: 'hello' },
  { name: 'data that looks like the coding', text: '7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', data: '\r\n0\r\n\r\n' },
  { name: 'trailers', text: '0\r\nX-A: b\r\nX-C:\r\nX-D: \t e\r\n\r\n', data: '' },
  { name: 'another message behind the last chunk', text: '1\r\nx\r\n0\r\n\r\nGET', data: 'x', behind: 'GET' },
];

for (const { name, text, data, behind = '' } of GOOD) {
  test(`decodes ${name}`, () => {
    assert.deepEqual(decode(text), { used: text.length - behind.length, data, done: true });
  });
}

const BROKEN: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'an empty size', text: '\r\n' },
  { name: 'a blank before the size', text: ' 5\r\n' },
  { name: 'a blank behind the size', text: '5 \r\n' },
  { name: 'a tab behind the size', text: '5\t\r\n' },
  { name: 'a plus', text: '+5\r\n' },
  { name: 'a minus', text: '-5\r\n' },
  { name: '0x', text: '0x5\r\n' },
  { name: 'an underscore', text: '1_0\r\n' },
  { name: 'a letter behind f', text: '5g\r\n' },
  { name: 'a dot', text: '5.0\r\n' },
  { name: 'an extension without size', text: ';a\r\n' },
  { name: '14 digits', text: '00000000000001\r\n' },
  { name: 'a size with a bare LF', text: '5\nhello' },
  { name: 'a size with CR and another byte', text: '5\rhello' },
  { name: 'an extension with a bare LF', text: '5;a\n' },
  { name: 'an extension with a bare CR', text: '5;a\rb\r\n' },
  { name: 'an extension with a NUL', text: '5;a\0\r\n' },
  { name: 'an extension with DEL', text: '5;a\x7f\r\n' },
  { name: 'an extension that is too long', text: `5;${'a'.repeat(257)}` },
  { name: 'data longer than its size', text: '5\r\nhelloX' },
  { name: 'data ended by LF', text: '5\r\nhello\n' },
  { name: 'data ended by CR and another byte', text: '5\r\nhello\rX' },
  { name: 'a trailer with a blank first', text: '0\r\n X: y\r\n' },
  { name: 'a trailer with a blank before the colon', text: '0\r\nX : y\r\n' },
  { name: 'a trailer without name', text: '0\r\n: y\r\n' },
  { name: 'a trailer without colon', text: '0\r\nX\r\n' },
  { name: 'a trailer with a NUL', text: '0\r\nX: \0\r\n' },
  { name: 'a trailer with a bare LF', text: '0\r\nX: y\n' },
  { name: 'a trailer with a bare CR', text: '0\r\nX: y\rz' },
  { name: 'an end with a bare LF', text: '0\r\n\n' },
  { name: 'an end with CR and another byte', text: '0\r\n\rX' },
  { name: 'trailers that are too long', text: `0\r\n${'X: yyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(300)}\r\n` },
  { name: 'extensions that are too long together', text: `${`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(90)}0\r\n\r\n` },
];

for (const { name, text } of BROKEN) {
  test(`refuses ${name}`, () => {
    assert.equal(decode(text).used, -1);
  });
}

test('a coding that is not at its end yet is neither done nor broken', () => {
  const whole = '5;x\r\nhello\r\n0\r\nX: y\r\n\r\n';
  for (let length = 0; length < whole.length; length++) {
    const { used, done } = decode(whole.slice(0, length));
    assert.deepEqual([used, done], [length, false]);
  }
});

test('small chunks of one read are handed on together, and what stands behind them is not moved', () => {
  const large = 'y'.repeat(5_000);
  const text = `${'1\r\nx\r\n'.repeat(1_000)}${large.length.toString(16)}\r\n${large}\r\n${'2\r\nzz\r\n'.repeat(10)}0\r\n\r\n`;
  const bytes = Buffer.from(`${text}GET / HTTP/1.1`);
  const pieces: string[] = [];
  const decoder = new ChunkedDecoder();
  const used = decoder.decode(bytes, 0, bytes.length, {
    onChunkData: (buffer, start, end) => {
      pieces.push(buffer.toString('latin1', start, end));
    },
  });
  assert.deepEqual(pieces, ['x'.repeat(1_000), large + 'z'.repeat(20)]);
  assert.equal(bytes.toString('latin1', used), 'GET / HTTP/1.1');
});

test('what came before a break is handed on', () => {
  assert.deepEqual(decode('1\r\na\r\n1\r\nb\r\nx'), { used: -1, data: 'ab', done: false });
});

test('a decoder that was reset in the middle starts anew', () => {
  const decoder = new ChunkedDecoder();
  const sink = { onChunkData: (): void => {} };
  decoder.decode(Buffer.from('ff;abc\r\nxxx'), 0, 11, sink);
  decoder.reset();
  const text = Buffer.from('0\r\n\r\n');
  assert.equal(decoder.decode(text, 0, text.length, sink), text.length);
  assert.equal(decoder.done, true);
});

/** Mostly the coding, with a byte in the wrong place now and then. */
const stream = fc
  .tuple(
    fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom('', ';a', ';a="b"')), {
      maxLength: 5,
    }),
    fc.constantFrom('', 'X: y\r\n', 'A:\r\nB: \t\r\n'),
    fc.constantFrom('', 'GET / HTTP/1.1\r\n'),
    fc.option(fc.tuple(fc.nat(200), fc.constantFrom('\r', '\n', '0', ' ', '\0', 'f'))),
  )
  .map(([chunks, trailers, behind, fault]) => {
    const body = chunks.map(([data, extension]) => {
      const bytes = Buffer.from(data).toString('latin1');
      return `${bytes.length.toString(16)}${extension}\r\n${bytes}\r\n`;
    });
    const text = `${body.join('')}0\r\n${trailers}\r\n${behind}`;
    if (fault === null) return text;
    const at = fault[0] % text.length;
    return text.slice(0, at) + fault[1] + text.slice(at + 1);
  });

test('any split gives the same result', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(300), { maxLength: 12 }), (text, cuts) => {
      assert.deepEqual(decode(text, cuts), decode(text));
    }),
    { numRuns: 500 },
  );
});

test('every byte its own segment gives the same result', () => {
  fc.assert(
    fc.property(stream, (text) => {
      const cuts = Array.from({ length: text.length }, (_, at) => at);
      assert.deepEqual(decode(text, cuts), decode(text));
    }),
  );
});
