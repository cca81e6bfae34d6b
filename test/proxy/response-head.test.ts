/** Response heads: what is accepted, how the body is framed, and what is never passed on. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FieldTable } from '../../src/proxy/http1/field-table.ts';
import { HEAD_INCOMPLETE } from '../../src/proxy/http1/head-end.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../src/proxy/http1/request-head.ts';
import { BODY_UNTIL_CLOSE, ResponseHead } from '../../src/proxy/http1/response-head.ts';

const MAX_FIELDS = 20;

function parse(text: string, toHead = false): ResponseHead | null {
  const head = new ResponseHead(MAX_FIELDS);
  return isHead(head, text, toHead) ? head : null;
}

function isHead(head: ResponseHead, text: string, toHead: boolean): boolean {
  const bytes = Buffer.from(`before${text}HTTP/1.1 299 Stale\r\n\r\n`, 'latin1');
  return head.parse(bytes, 6, 6 + text.length, toHead) === 6 + text.indexOf('\r\n\r\n') + 4;
}

/** The lines that are passed on, without the first. */
function blockOf(head: ResponseHead): string {
  const text = head.toText();
  return text.slice(text.indexOf('\r\n') + 2);
}

function accept(text: string, toHead = false): ResponseHead {
  const head = parse(text, toHead);
  assert.ok(head !== null, `refused: ${JSON.stringify(text)}`);
  return head;
}

function withFields(status: number, ...fields: readonly string[]): string {
  return `HTTP/1.1 ${status} R\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

test('status lines: versions 1.0 and 1.1, any reason, none, and no space behind the status', () => {
  for (const [line, status, reason] of [
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.0 404 Not  Found', 404, 'Not  Found'],
    ['HTTP/1.1 599 ', 599, ''],
    ['HTTP/1.1 204', 204, ''],
    ['HTTP/1.1 200 \xe9\t!', 200, '\xe9\t!'],
  ] as const) {
    const head = accept(`${line}\r\n\r\n`);
    assert.equal(head.status, status);
    assert.equal(head.toText(), `HTTP/1.1 ${status} ${reason}\r\n`);
  }
});

const BAD_LINES: readonly string[] = [
  'ICY 200 OK',
  'HTTP/2.0 200 OK',
  'HTTP/1.2 200 OK',
  'HTTP/1.10 200 OK',
  'http/1.1 200 OK',
  'HTTP/1.1 99 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 099 OK',
  'HTTP/1.1 600 OK',
  'HTTP/1.1 000 OK',
  'HTTP/1.1 2x0 OK',
  'HTTP/1.1  200 OK',
  'HTTP/1.1\t200 OK',
  'HTTP/1.1 200OK',
  ' HTTP/1.1 200 OK',
  'HTTP/1.1 200 O\0K',
  'HTTP/1.1 200 O\rK',
  'HTTP/1.1 200 O\nK',
  'HTTP/1.1 200 \x7f',
  '<html>',
];

for (const line of BAD_LINES) {
  test(`the status line ${JSON.stringify(line)} is refused`, () => {
    assert.equal(parse(`${line}\r\n\r\n`), null);
  });
}

const BAD_FIELDS: readonly string[] = [
  'X : y',
  ' X: y',
  ': y',
  'X',
  'X: \0',
  'X: y\nZ: w',
  'X: y\rZ: w',
  'X\x80: y',
  'X: y\r\n z',
];

for (const field of BAD_FIELDS) {
  test(`the field ${JSON.stringify(field)} is refused`, () => {
    assert.equal(parse(withFields(200, field)), null);
    assert.equal(parse(withFields(200, 'A: b', field, 'C: d')), null);
  });
}

interface FramingCase {
  readonly name: string;
  readonly text: string;
  readonly toHead?: boolean;
  readonly body: number;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  /** What the client gets of the framing fields. */
  readonly block?: string;
}

const LENGTH_5 = 'Content-Length: 5';
const CHUNKED = 'Transfer-Encoding: chunked';

const FRAMINGS: readonly FramingCase[] = [
  {
    name: 'a length',
    text: withFields(200, LENGTH_5),
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: true,
    block: `${LENGTH_5}\r\n`,
  },
  {
    name: 'the length 0',
    text: withFields(200, 'Content-Length: 0'),
    body: BODY_NONE,
    contentLength: 0,
    keepAlive: true,
    block: 'Content-Length: 0\r\n',
  },
  {
    name: 'equal lengths, of which one goes on',
    text: withFields(200, LENGTH_5, LENGTH_5),
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: true,
    block: `${LENGTH_5}\r\n`,
  },
  { name: 'chunks', text: withFields(200, CHUNKED), body: BODY_CHUNKED, contentLength: -1, keepAlive: true },
  {
    name: 'chunks in other letters',
    text: withFields(200, 'transfer-encoding: Chunked'),
    body: BODY_CHUNKED,
    contentLength: -1,
    keepAlive: true,
  },
  {
    name: 'chunks beside a length: never reused',
    text: withFields(200, LENGTH_5, CHUNKED),
    body: BODY_CHUNKED,
    contentLength: -1,
    keepAlive: false,
  },
  {
    name: 'chunks beside a length in the other order',
    text: withFields(200, CHUNKED, LENGTH_5),
    body: BODY_CHUNKED,
    contentLength: -1,
    keepAlive: false,
  },
  {
    name: 'chunks from a 1.0 peer: never reused',
    text: 'HTTP/1.0 200 R\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n',
    body: BODY_CHUNKED,
    contentLength: -1,
    keepAlive: false,
  },
  { name: 'neither: until close', text: withFields(200), body: BODY_UNTIL_CLOSE, contentLength: -1, keepAlive: false },
  {
    name: 'neither, with keep-alive: until close all the same',
    text: withFields(200, 'Connection: keep-alive'),
    body: BODY_UNTIL_CLOSE,
    contentLength: -1,
    keepAlive: false,
  },
  {
    name: 'an answer to HEAD with a length',
    text: withFields(200, LENGTH_5),
    toHead: true,
    body: BODY_NONE,
    contentLength: 5,
    keepAlive: true,
    block: `${LENGTH_5}\r\n`,
  },
  {
    name: 'an answer to HEAD with chunks',
    text: withFields(200, CHUNKED),
    toHead: true,
    body: BODY_NONE,
    contentLength: -1,
    keepAlive: true,
  },
  {
    name: 'an answer to HEAD with neither',
    text: withFields(200),
    toHead: true,
    body: BODY_NONE,
    contentLength: -1,
    keepAlive: true,
  },
  {
    name: '304 with a length',
    text: withFields(304, LENGTH_5),
    body: BODY_NONE,
    contentLength: 5,
    keepAlive: true,
    block: `${LENGTH_5}\r\n`,
  },
  { name: '204', text: withFields(204), body: BODY_NONE, contentLength: -1, keepAlive: true },
  {
    name: '204 with the length 0',
    text: withFields(204, 'Content-Length: 0'),
    body: BODY_NONE,
    contentLength: -1,
    keepAlive: true,
  },
  {
    name: '204 with a body: never reused',
    text: withFields(204, LENGTH_5),
    body: BODY_NONE,
    contentLength: -1,
    keepAlive: false,
  },
  {
    name: '204 with chunks: never reused',
    text: withFields(204, CHUNKED),
    body: BODY_NONE,
    contentLength: -1,
    keepAlive: false,
  },
  {
    name: '103 with a length',
    text: withFields(103, 'Content-Length: 0'),
    body: BODY_NONE,
    contentLength: -1,
    keepAlive: true,
  },
  {
    name: 'a 1.0 peer',
    text: 'HTTP/1.0 200 R\r\nContent-Length: 5\r\n\r\n',
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: false,
    block: `${LENGTH_5}\r\n`,
  },
  {
    name: 'a 1.0 peer that persists',
    text: 'HTTP/1.0 200 R\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\n',
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: true,
    block: `${LENGTH_5}\r\n`,
  },
  {
    name: 'a peer that closes',
    text: withFields(200, LENGTH_5, 'Connection: CLOSE'),
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: false,
    block: `${LENGTH_5}\r\n`,
  },
  {
    name: 'a peer that closes, among other tokens',
    text: withFields(200, LENGTH_5, 'Connection: keep-alive', 'Connection: x,close'),
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: false,
    block: `${LENGTH_5}\r\n`,
  },
  {
    name: 'a length that Connection names',
    text: withFields(200, LENGTH_5, 'Connection: x, content-length'),
    body: BODY_LENGTH,
    contentLength: 5,
    keepAlive: true,
    block: `${LENGTH_5}\r\n`,
  },
];

for (const { name, text, toHead = false, body, contentLength, keepAlive, block = '' } of FRAMINGS) {
  test(`framing by ${name}`, () => {
    const head = accept(text, toHead);
    assert.deepEqual(
      [head.body, head.contentLength, head.keepAlive, blockOf(head)],
      [body, contentLength, keepAlive, block],
    );
  });
}

const BAD_FRAMINGS: readonly (readonly string[])[] = [
  [LENGTH_5, 'Content-Length: 6'],
  ['Content-Length: 5, 5'],
  ['Content-Length: +5'],
  ['Content-Length: 0x5'],
  ['Content-Length:'],
  ['Content-Length: 1234567890123456'],
  ['Transfer-Encoding: gzip'],
  ['Transfer-Encoding: gzip, chunked'],
  ['Transfer-Encoding: chunked, chunked'],
  ['Transfer-Encoding: identity'],
  ['Transfer-Encoding:'],
  [CHUNKED, CHUNKED],
  ['Transfer-Encoding: \x0bchunked'.replace('\x0b', '\xa0')],
];

for (const fields of BAD_FRAMINGS) {
  test(`framing by ${JSON.stringify(fields.join('; '))} is refused`, () => {
    assert.equal(parse(withFields(200, ...fields)), null);
  });
}

test('an interim response that announces a body is refused', () => {
  assert.equal(parse(withFields(103, LENGTH_5)), null);
  assert.equal(parse(withFields(100, CHUNKED)), null);
});

test('fields of the connection are not in the block, nor those Connection names', () => {
  const head = accept(
    withFields(
      200,
      'Connection: x-private, close',
      'Keep-Alive: timeout=7, max=3',
      'Proxy-Connection: close',
      'TE: x',
      'Trailer: y',
      'Upgrade: z',
      'HTTP2-Settings: AAMAAABk',
      '__proto__: kept',
      'X-Private: 1',
      'Set-Cookie: a',
      'Set-Cookie: b',
      'x_y: kept',
    ),
  );
  assert.equal(blockOf(head), '__proto__: kept\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nx_y: kept\r\n');
  assert.equal(head.keepAliveSeconds, 7);
});

test('thousands of names in Connection cost one look at each field', (t: TestContext) => {
  const looks = t.mock.method(FieldTable.prototype, 'name');
  const head = accept(withFields(200, `Connection: ${'a,'.repeat(10_000)}x-1`, 'X-1: y', 'X-2: y'));
  assert.equal(blockOf(head), 'X-2: y\r\n');
  assert.ok(looks.mock.callCount() <= 4 * MAX_FIELDS, `${looks.mock.callCount()} looks`);
});

test('a head is judged when its end has come', () => {
  const head = new ResponseHead(MAX_FIELDS);
  for (const text of [
    '',
    'H',
    'HTTP/1.1 200',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 OK\r\nX: y\r\n',
    'HTTP/1.1 200 OK\r\nNo Name: x\r\n',
    'ICY 200 OK\r\n',
    'HTTP/1.1 2000 OK\r\n',
  ]) {
    const bytes = Buffer.from(`${text}\r\n\r\n`, 'latin1');
    assert.equal(head.parse(bytes, 0, text.length, false), HEAD_INCOMPLETE, text);
    assert.notEqual(head.parse(bytes, 0, bytes.length, false), HEAD_INCOMPLETE, text);
  }
});

test('a status line of HTTP/1.0, or without a reason, is written anew', () => {
  assert.equal(accept('HTTP/1.0 404 Not Found\r\nX: y\r\n\r\n').toText(), 'HTTP/1.1 404 Not Found\r\nX: y\r\n');
  assert.equal(accept('HTTP/1.1 404\r\nX: y\r\n\r\n').toText(), 'HTTP/1.1 404 \r\nX: y\r\n');
});

test('a parser keeps nothing of the response before', () => {
  const head = new ResponseHead(MAX_FIELDS);
  const first = withFields(
    101,
    'Server: a',
    'Date: b',
    'Upgrade: c',
    'Keep-Alive: timeout=5',
    'Connection: close',
    'Content-Length: 0',
  );
  assert.equal(isHead(head, first, true), true);
  const second = 'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(isHead(head, second, false), true);
  assert.deepEqual(
    [head.status, head.hasServer, head.hasDate, head.upgrade, head.keepAliveSeconds, head.keepAlive],
    [200, false, false, '', 0, true],
  );
  assert.deepEqual([head.body, head.contentLength, head.toText()], [BODY_CHUNKED, -1, 'HTTP/1.1 200 \r\n']);
});
