/** Request heads: what is accepted and what it means, what is refused and with which status. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FieldTable } from '../../src/proxy/http1/field-table.ts';
import { HEAD_INCOMPLETE } from '../../src/proxy/http1/head-end.ts';
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  parseContentLength,
  RequestHead,
} from '../../src/proxy/http1/request-head.ts';

const MAX_FIELDS = 20;
const MAX_TARGET_BYTES = 100;

function parse(text: string): { readonly head: RequestHead; readonly status: number } {
  const head = new RequestHead(MAX_FIELDS, MAX_TARGET_BYTES);
  return { head, status: parseWith(head, text) };
}

function parseWith(head: RequestHead, text: string, lastHost = ''): number {
  // As in the buffer reads go into: something before, and what an earlier read has left behind.
  const bytes = Buffer.from(`before${text}\r\n\r\nGET /stale HTTP/1.1\r\nHost: stale\r\n\r\n`, 'latin1');
  return head.parse(bytes, 6, 6 + text.length, lastHost);
}

function accept(text: string): RequestHead {
  const { head, status } = parse(text);
  assert.equal(status, 0);
  return head;
}

function withFields(...fields: readonly string[]): string {
  return `GET / HTTP/1.1\r\n${['Host: a', ...fields].join('\r\n')}\r\n\r\n`;
}

function withLine(line: string): string {
  return `${line}\r\nHost: a\r\n\r\n`;
}

interface Refusal {
  readonly name: string;
  readonly line: string;
  readonly status: number;
}

const BAD_LINES: readonly Refusal[] = [
  { name: 'two spaces behind the method', line: 'GET  / HTTP/1.1', status: 400 },
  { name: 'two spaces before the version', line: 'GET /  HTTP/1.1', status: 400 },
  { name: 'a tab between method and target', line: 'GET\t/ HTTP/1.1', status: 400 },
  { name: 'a vertical tab before the version', line: 'GET /\x0bHTTP/1.1', status: 400 },
  { name: 'a form feed behind the method', line: 'GET\x0c/ HTTP/1.1', status: 400 },
  { name: 'a CR before the version', line: 'GET /\rHTTP/1.1', status: 400 },
  { name: 'a tab behind the version', line: 'GET / HTTP/1.1\t', status: 400 },
  { name: 'a space first', line: ' GET / HTTP/1.1', status: 400 },
  { name: 'a space last', line: 'GET / HTTP/1.1 ', status: 400 },
  { name: 'a third word', line: 'GET / HTTP/1.1 x', status: 400 },
  { name: 'no method', line: '/ HTTP/1.1', status: 400 },
  { name: 'no target', line: 'GET HTTP/1.1', status: 400 },
  { name: 'an empty target', line: 'GET  HTTP/1.1', status: 400 },
  { name: 'no version', line: 'GET /', status: 400 },
  { name: 'a method with a colon', line: 'GE:T / HTTP/1.1', status: 400 },
  { name: 'a method with a high byte', line: 'GE\xdf / HTTP/1.1', status: 400 },
  { name: 'a method of 33 bytes', line: `${'M'.repeat(33)} / HTTP/1.1`, status: 400 },
  { name: 'a lower case protocol', line: 'GET / http/1.1', status: 400 },
  { name: 'a version of two digits', line: 'GET / HTTP/1.10', status: 400 },
  { name: 'a version without minor', line: 'GET / HTTP/1', status: 400 },
  { name: 'a version with a letter', line: 'GET / HTTP/1.x', status: 400 },
  { name: 'HTTP/2.0', line: 'GET / HTTP/2.0', status: 505 },
  { name: 'HTTP/0.9', line: 'GET / HTTP/0.9', status: 505 },
  { name: 'HTTP/1.2', line: 'GET / HTTP/1.2', status: 505 },
  { name: 'a bare LF behind the line', line: 'GET / HTTP/1.1\nX: y', status: 400 },
  { name: 'a bare CR behind the line', line: 'GET / HTTP/1.1\rX: y', status: 400 },
  { name: 'a NUL in the target', line: 'GET /\0 HTTP/1.1', status: 400 },
  { name: 'DEL in the target', line: 'GET /\x7f HTTP/1.1', status: 400 },
  { name: 'a high byte in the target', line: 'GET /\xe9 HTTP/1.1', status: 400 },
  { name: 'a fragment', line: 'GET /x#y HTTP/1.1', status: 400 },
  { name: 'a target without slash', line: 'GET admin HTTP/1.1', status: 400 },
  { name: 'an authority with GET', line: 'GET a:80 HTTP/1.1', status: 400 },
  { name: 'a backslash first', line: 'GET \\x HTTP/1.1', status: 400 },
  { name: 'an asterisk with GET', line: 'GET * HTTP/1.1', status: 400 },
  { name: 'an asterisk with a path', line: 'OPTIONS *x HTTP/1.1', status: 400 },
  { name: 'user information', line: 'GET http://user@a/ HTTP/1.1', status: 400 },
  { name: 'a fragment behind an authority', line: 'GET http://a#x HTTP/1.1', status: 400 },
  { name: 'an asterisk in absolute form', line: 'GET http://a* HTTP/1.1', status: 400 },
  { name: 'another scheme', line: 'GET ftp://a/ HTTP/1.1', status: 400 },
  { name: 'an absolute target without authority', line: 'GET http:///x HTTP/1.1', status: 400 },
  { name: 'another authority than Host', line: 'GET http://b/ HTTP/1.1', status: 400 },
  { name: 'a broken escape', line: 'GET /%zz HTTP/1.1', status: 400 },
  { name: 'half an escape', line: 'GET /%4 HTTP/1.1', status: 400 },
  { name: 'an escape inside an escape', line: 'GET /%2%65 HTTP/1.1', status: 400 },
  { name: '%00', line: 'GET /%00 HTTP/1.1', status: 400 },
  { name: 'a way above the root', line: 'GET /a/../../b HTTP/1.1', status: 400 },
  { name: 'an escaped way above the root', line: 'GET /%2e%2E/b HTTP/1.1', status: 400 },
  { name: 'a half escaped way above the root', line: 'GET /a/.%2e/%2E./b HTTP/1.1', status: 400 },
  { name: 'CONNECT', line: 'CONNECT a:80 HTTP/1.1', status: 405 },
  { name: 'TRACE', line: 'TRACE / HTTP/1.1', status: 405 },
  { name: 'a target above the limit', line: `GET /${'x'.repeat(MAX_TARGET_BYTES)} HTTP/1.1`, status: 414 },
];

for (const { name, line, status } of BAD_LINES) {
  test(`a request line with ${name} is refused with ${status}`, () => {
    assert.equal(parse(withLine(line)).status, status);
  });
}

const TARGETS: readonly {
  readonly name: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
}[] = [
  { name: 'a plain path', target: '/a/b', path: '/a/b', query: '' },
  { name: 'a query', target: '/a?b=%2e&c', path: '/a', query: '?b=%2e&c' },
  { name: 'a lone question mark', target: '/a?', path: '/a', query: '?' },
  { name: 'a second question mark', target: '/a?b?c', path: '/a', query: '?b?c' },
  { name: 'dot segments', target: '/a/./b/../c', path: '/a/c', query: '' },
  { name: 'escaped dot segments', target: '/a/%2E%2e/c?x', path: '/c', query: '?x' },
  { name: 'dots in the query only', target: '/a?/../b', path: '/a', query: '?/../b' },
  { name: 'an escaped slash', target: '/a%2fb%5c', path: '/a%2Fb%5C', query: '' },
  { name: 'a doubly escaped dot', target: '/%252e', path: '/%252e', query: '' },
  { name: 'two slashes first', target: '//evil/x', path: '//evil/x', query: '' },
  { name: 'half escaped dot segments', target: '/a/.%2e/b/%2E./%2e/c', path: '/c', query: '' },
  { name: 'a backslash behind a slash', target: '/\\evil/../x', path: '/x', query: '' },
  { name: 'parameters of a segment', target: '/a;v=1/b;x=..;/c', path: '/a;v=1/b;x=..;/c', query: '' },
  { name: 'empty segments', target: '/a//b///c', path: '/a//b///c', query: '' },
  { name: 'escapes that are no UTF-8', target: '/%ff%C0%af?%zz=%ff', path: '/%FF%C0%AF', query: '?%zz=%ff' },
  { name: 'escaped line breaks', target: '/%0d%0aX:%20y?%0D%0a', path: '/%0D%0AX:%20y', query: '?%0D%0a' },
  { name: 'a dot in a name', target: '/a.b/..c', path: '/a.b/..c', query: '' },
  { name: 'an absolute target', target: 'http://a/x?y', path: '/x', query: '?y' },
  { name: 'an absolute target without path', target: 'HTTPS://A', path: '/', query: '' },
  { name: 'an absolute target with a query only', target: 'http://a?x', path: '/', query: '?x' },
];

for (const { name, target, path, query } of TARGETS) {
  test(`${name} is matched and sent in one normal form`, () => {
    const head = accept(withLine(`GET ${target} HTTP/1.1`));
    assert.equal(head.target, path + query);
    assert.equal(head.pathEnd, path.length);
    assert.match(
      head.toForwardedHead(),
      new RegExp(`^GET ${RegExp.escape(path + query)} HTTP/1\\.1\\r\\nHost: [Aa]\\r\\n$`),
    );
  });
}

test('OPTIONS may ask about the server itself, also through a URL without a path', () => {
  const absolute = accept('OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.deepEqual([absolute.target, absolute.host], ['*', 'a.example']);
  assert.equal(accept(withLine('OPTIONS * HTTP/1.1')).target, '*');
});

test('any token is a method, and its case is kept', () => {
  for (const method of ['get', 'X', "!#$%&'*+-.^_`|~09aZ", 'PROPFIND']) {
    const head = accept(withLine(`${method} / HTTP/1.1`));
    assert.equal(head.method, method);
    assert.ok(head.toForwardedHead().startsWith(`${method} / `));
  }
});

test('a target holds visible ASCII without # and nothing else', () => {
  for (let code = 0; code < 256; code++) {
    const visible = code > 0x20 && code < 0x7f && code !== 35 && code !== 37;
    const { status } = parse(withLine(`GET /a${String.fromCharCode(code)}12 HTTP/1.1`));
    // A `%` needs two digits behind it, and has them here.
    assert.equal(status, visible || code === 37 ? 0 : 400, `byte ${code}`);
  }
});

test('a name is a token, a value holds no control but tab, whatever the byte', () => {
  for (let code = 0; code < 256; code++) {
    const char = String.fromCharCode(code);
    const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(char);
    // A colon ends the name sooner; the rest is a value.
    assert.equal(parse(withFields(`X${char}Y: z`)).status, token || char === ':' ? 0 : 400, `byte ${code} in a name`);
    const text = code === 9 || (code >= 32 && code !== 127);
    assert.equal(parse(withFields(`X: y${char}z`)).status, text ? 0 : 400, `byte ${code} in a value`);
    if (text) assert.equal(accept(withFields(`X: y${char}z`)).header('x'), `y${char}z`);
  }
});

test('only the word chunked is a transfer coding, whatever byte is added or changed', () => {
  const word = 'chunked';
  for (let at = 0; at <= word.length; at++) {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      const blank = char === ' ' || char === '\t';
      const longer = word.slice(0, at) + char + word.slice(at);
      const fits = blank && (at === 0 || at === word.length);
      assert.equal(parse(withFields(`Transfer-Encoding: ${longer}`)).status, fits ? 0 : 400, JSON.stringify(longer));
      if (at === word.length) continue;
      const other = word.slice(0, at) + char + word.slice(at + 1);
      const same = char === word[at] || char === word[at]?.toUpperCase();
      assert.equal(parse(withFields(`Transfer-Encoding: ${other}`)).status, same ? 0 : 400, JSON.stringify(other));
    }
  }
});

const BAD_FIELDS: readonly { readonly name: string; readonly field: string }[] = [
  { name: 'a space before the colon', field: 'X : y' },
  { name: 'a space first', field: ' X: y' },
  { name: 'a tab first', field: '\tX: y' },
  { name: 'no name', field: ': y' },
  { name: 'no colon', field: 'X' },
  { name: 'one blank only', field: ' ' },
  { name: 'a NUL in the name', field: 'X\0: y' },
  { name: 'a high byte in the name', field: 'X\xe9: y' },
  { name: 'a slash in the name', field: 'X/Y: z' },
  { name: 'a NUL in the value', field: 'X: y\0' },
  { name: 'a bare LF in the value', field: 'X: y\nZ: w' },
  { name: 'a bare CR in the value', field: 'X: y\rZ: w' },
  { name: 'DEL in the value', field: 'X: \x7f' },
  { name: 'a vertical tab in the value', field: 'X: \x0b' },
  { name: 'two CRs at its end', field: 'X: y\r' },
  { name: 'a folded value', field: 'X: y\r\n z' },
];

for (const { name, field } of BAD_FIELDS) {
  test(`a field with ${name} is refused, first, in between and last`, () => {
    assert.equal(parse(`GET / HTTP/1.1\r\n${field}\r\nHost: a\r\n\r\n`).status, 400);
    assert.equal(parse(withFields(field, 'Y: z')).status, 400);
    assert.equal(parse(withFields(field)).status, 400);
  });
}

test('values keep inner blanks and high bytes and lose outer blanks', () => {
  const head = accept(withFields('X: \t a \t b \xff \t', 'Y:', 'Z:z'));
  assert.equal(head.header('x'), 'a \t b \xff');
  assert.equal(head.header('y'), '');
  assert.equal(head.header('z'), 'z');
  assert.equal(accept(withFields('X: a:b: c')).header('x'), 'a:b: c');
  assert.equal(head.header('w'), null);
});

test('repeated fields are joined for readers and kept apart for the back end', () => {
  const head = accept(withFields('X: a', 'x: b'));
  assert.equal(head.header('x'), 'a, b');
  assert.ok(head.toForwardedHead().endsWith('X: a\r\nx: b\r\n'));
});

test('names of object properties are ordinary names', () => {
  const head = accept(withFields('constructor: a', 'hasOwnProperty: b'));
  assert.equal(head.header('constructor'), 'a');
  assert.equal(head.header('hasownproperty'), 'b');
  assert.equal(head.header('tostring'), null);
});

test('as many fields as allowed pass, one more is 431', () => {
  const fields = Array.from({ length: MAX_FIELDS }, (_, i) => `X-${i}: y`);
  accept(withFields(...fields.slice(1)));
  assert.equal(parse(withFields(...fields)).status, 431);
});

const HOSTS: readonly { readonly host: string; readonly valid: boolean }[] = [
  ...['a', 'A.b-c.example', 'a.example.', 'a_b.example', 'a:80', 'a:', '127.0.0.1:8080', '[::1]', '[::1]:80'].map(
    (host) => ({ host, valid: true }),
  ),
  ...[
    '',
    'a b',
    'a,b',
    'a@b',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'a%00',
    'a\xe9',
    'a:x',
    'a:1:2',
    'a:123456',
    '[::1',
    '::1',
    ':80',
  ]
    .concat(['[::1]x', '[]', '[a.b]', '[1.2.3.4]', '[::1%lo]', 'a"', 'a;b', 'a'.repeat(256)])
    .map((host) => ({ host, valid: false })),
];

for (const { host, valid } of HOSTS) {
  test(`Host ${JSON.stringify(host.slice(0, 40))} is ${valid ? 'accepted' : 'refused'}`, () => {
    assert.equal(parse(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).status, valid ? 0 : 400);
  });
}

test('HTTP/1.1 needs one Host, HTTP/1.0 none, and nobody may send two', () => {
  assert.equal(parse('GET / HTTP/1.1\r\nX: y\r\n\r\n').status, 400);
  assert.equal(parse('GET / HTTP/1.0\r\nX: y\r\n\r\n').status, 0);
  assert.equal(parse(withFields('Host: a')).status, 400);
  assert.equal(parse('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n').status, 400);
});

test('a forwarded head has exactly one Host line, whatever the client sent', () => {
  for (const text of [
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\nHost:\r\n\r\n',
    'GET http://a/ HTTP/1.1\r\nHost: A\r\n\r\n',
    'GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    assert.equal(
      accept(text)
        .toForwardedHead()
        .match(/^host:/gim)?.length,
      1,
      text,
    );
  }
});

interface FramingCase {
  readonly name: string;
  readonly fields: readonly string[];
  readonly body: number;
  readonly length?: number;
}

const FRAMINGS: readonly FramingCase[] = [
  { name: 'neither length nor coding', fields: [], body: BODY_NONE },
  { name: 'a length', fields: ['Content-Length: 5'], body: BODY_LENGTH, length: 5 },
  { name: 'the length 0', fields: ['Content-Length: 0'], body: BODY_NONE },
  { name: 'a length with blanks around', fields: ['Content-Length: \t 7 \t'], body: BODY_LENGTH, length: 7 },
  {
    name: 'the largest length',
    fields: ['Content-Length: 999999999999999'],
    body: BODY_LENGTH,
    length: 999_999_999_999_999,
  },
  { name: 'chunks', fields: ['Transfer-Encoding: chunked'], body: BODY_CHUNKED },
  { name: 'chunks in other letters', fields: ['transfer-encoding:CHUNKED '], body: BODY_CHUNKED },
];

for (const { name, fields, body, length = 0 } of FRAMINGS) {
  test(`framing by ${name}`, () => {
    const head = accept(withFields(...fields));
    assert.equal(head.body, body);
    assert.equal(head.contentLength, length);
    assert.equal(head.toForwardedHead().includes('ransfer-'), false);
  });
}

test('a length is 1 to 15 digits in one spelling', () => {
  assert.equal(parseContentLength('0'), 0);
  assert.equal(parseContentLength('123456789012345'), 123_456_789_012_345);
  for (const text of [
    '',
    '1234567890123456',
    '05',
    '00',
    '+5',
    '-0',
    '0x5',
    '5.0',
    '5e0',
    '1_0',
    '5,',
    ' 5',
    '5 ',
    '\u0665',
  ]) {
    assert.equal(parseContentLength(text), -1, JSON.stringify(text));
  }
});

const PERSISTENCE: readonly {
  readonly version: string;
  readonly fields: readonly string[];
  readonly keepAlive: boolean;
}[] = [
  { version: '1.1', fields: [], keepAlive: true },
  { version: '1.1', fields: ['Connection: close'], keepAlive: false },
  { version: '1.1', fields: ['Connection: CLOSE'], keepAlive: false },
  { version: '1.1', fields: ['Connection: keep-alive, close'], keepAlive: false },
  { version: '1.1', fields: ['Connection: keep-alive', 'Connection: x, ,close'], keepAlive: false },
  { version: '1.1', fields: ['Connection: not-close'], keepAlive: true },
  { version: '1.1', fields: ['Connection: "close"'], keepAlive: true },
  { version: '1.1', fields: ['Connection: \xa0close, close\x85'], keepAlive: true },
  { version: '1.1', fields: ['Connection: ,, \tclose\t,'], keepAlive: false },
  { version: '1.0', fields: [], keepAlive: false },
  { version: '1.0', fields: ['Connection: Keep-Alive'], keepAlive: true },
  { version: '1.0', fields: ['Connection: x, keep-alive'], keepAlive: true },
  { version: '1.0', fields: ['Connection: keep-alive, close'], keepAlive: false },
];

for (const { version, fields, keepAlive } of PERSISTENCE) {
  test(`HTTP/${version} with "${fields.join('; ')}" ${keepAlive ? 'persists' : 'closes'}`, () => {
    const head = accept(`GET / HTTP/${version}\r\n${['Host: a', ...fields].join('\r\n')}\r\n\r\n`);
    assert.equal(head.keepAlive, keepAlive);
    assert.equal(head.header('connection') !== null && head.toForwardedHead().includes('Connection'), false);
  });
}

test('Connection and Upgrade have at most 1 KiB', () => {
  const options = 'a,'.repeat(512);
  accept(withFields(`Connection: ${options}`));
  assert.equal(parse(withFields(`Connection: ${options}b`)).status, 431);
  assert.equal(parse(withFields(`Connection: ${options.slice(1)}`, 'Connection: b')).status, 431);
  assert.equal(accept(withFields('Connection: upgrade', `Upgrade: ${options}`)).upgrade, options);
  assert.equal(accept(withFields('Connection: upgrade', `Upgrade: ${options}b`)).upgrade, '');
});

test('hundreds of names in Connection cost one look at each field', (t: TestContext) => {
  const looks = t.mock.method(FieldTable.prototype, 'name');
  const fields = Array.from({ length: MAX_FIELDS - 2 }, (_, at) => `X-${at}: y`);
  const head = accept(withFields(`Connection: ${'a,'.repeat(500)}x-1`, ...fields));
  assert.equal(head.toForwardedHead().includes('X-1: '), false);
  assert.ok(head.toForwardedHead().includes('X-2: '));
  assert.ok(looks.mock.callCount() <= 4 * MAX_FIELDS, `${looks.mock.callCount()} looks`);
});

test('Connection may not name what decides framing, origin or identity', () => {
  for (const name of [
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Authorization',
    'cookie',
    'X-Forwarded-Proto',
    'x-real-ip',
  ]) {
    assert.equal(parse(withFields(`Connection: ${name}`)).status, 400, name);
    assert.equal(parse(withFields(`Connection: close, ${name}`)).status, 400, name);
  }
});

const OFFERS: readonly { readonly name: string; readonly fields: readonly string[]; readonly upgrade: string }[] = [
  { name: 'WebSocket', fields: ['Connection: Upgrade', 'Upgrade: websocket'], upgrade: 'websocket' },
  { name: 'several protocols', fields: ['Connection: keep-alive, UPGRADE', 'Upgrade: a/1, b'], upgrade: 'a/1, b' },
  { name: 'no Connection token', fields: ['Upgrade: websocket'], upgrade: '' },
  { name: 'another Connection token', fields: ['Connection: xupgrade', 'Upgrade: websocket'], upgrade: '' },
  { name: 'no Upgrade', fields: ['Connection: upgrade'], upgrade: '' },
  { name: 'an empty Upgrade', fields: ['Connection: upgrade', 'Upgrade:'], upgrade: '' },
  { name: 'two Upgrade fields', fields: ['Connection: upgrade', 'Upgrade: a', 'Upgrade: b'], upgrade: '' },
  { name: 'h2c', fields: ['Connection: upgrade', 'Upgrade: H2C'], upgrade: '' },
  { name: 'h2c in a list', fields: ['Connection: upgrade', 'Upgrade: websocket,h2c'], upgrade: '' },
  { name: 'TLS', fields: ['Connection: upgrade', 'Upgrade: tls/1.3'], upgrade: '' },
];

for (const { name, fields, upgrade } of OFFERS) {
  test(`an offer to switch with ${name} is ${upgrade === '' ? 'ignored' : 'understood'}`, () => {
    const head = accept(withFields(...fields));
    assert.equal(head.upgrade, upgrade);
    assert.equal(/upgrade/i.test(head.toForwardedHead()), false);
  });
}

const UNFINISHED: readonly (readonly [text: string, status: number])[] = [
  ['GET / HTTP/1.1\r\nHost: a\r\n', 0],
  ['GET / HTTP/1.1\r\nHost: a\r\nNo Name: x\r\n', 400],
  ['GET / HTTP/1.1\r\nHost: a', 0],
  ['GET / HTTP/2.0\r\n', 505],
  ['G(T / HTTP/1.1\r\nHost: a\r\n', 400],
  ['GET / HTTP/1.', 400],
  ['GET /', 400],
  ['GET', 400],
  [`GET /${'x'.repeat(MAX_TARGET_BYTES)} HTTP/1.1\r\n`, 414],
];

for (const [text, status] of UNFINISHED) {
  test(`${JSON.stringify(text.slice(0, 40))} is judged when its end has come`, () => {
    assert.equal(parse(text).status, HEAD_INCOMPLETE);
    assert.equal(parse(`${text}\r\n\r\n`).status, status);
  });
}

test('a host that was valid before is taken as it is, any other is judged', () => {
  const head = new RequestHead(MAX_FIELDS, MAX_TARGET_BYTES);
  const judge = (host: string, lastHost: string): number =>
    parseWith(head, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, lastHost);
  for (const [host, lastHost] of [
    ['shop.example:8080', 'shop.example:8080'],
    ['shop.example', 'shop.example:8080'],
    ['shop.example:8080', 'shop.example'],
    ['SHOP.example', 'shop.example'],
    ['a', ''],
  ] as const) {
    assert.equal(judge(host, lastHost), 0);
    assert.equal(head.host, host);
  }
  for (const lastHost of ['', 'shop.example', 'shop_example']) assert.equal(judge('shop/example', lastHost), 400);
  assert.equal(judge('', 'shop.example'), 400);
});

test('a parser keeps nothing of the request before', () => {
  const head = new RequestHead(MAX_FIELDS, MAX_TARGET_BYTES);
  const first =
    'POST http://a/x/../y?q HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nX-Request-ID: i\r\n' +
    'X-Forwarded-For: f\r\nX-Forwarded-Host: h\r\nConnection: upgrade, close\r\nCookie: c\r\nAuthorization: NTLM x\r\n\r\n';
  assert.equal(parseWith(head, first), 0);
  const second = 'GET /z HTTP/1.1\r\nHost: b\r\n\r\n';
  assert.equal(parseWith(head, second), 0);
  assert.deepEqual(
    [head.method, head.target, head.pathEnd, head.host, head.minorVersion, head.keepAlive, head.body],
    ['GET', '/z', 2, 'b', 1, true, BODY_NONE],
  );
  assert.deepEqual(
    [head.contentLength, head.expectContinue, head.upgrade, head.forwardedFor, head.forwardedHost, head.requestId],
    [0, false, '', '', '', ''],
  );
  assert.deepEqual([head.maxForwards, head.bindsConnection], [-1, false]);
  assert.equal(head.toForwardedHead(), 'GET /z HTTP/1.1\r\nHost: b\r\n');
});

test('the hops an OPTIONS request may still take are counted, of other methods they are not', () => {
  const options = (value: string): RequestHead =>
    accept(`OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${value}\r\n\r\n`);
  assert.equal(options('0').maxForwards, 0);
  assert.equal(options('7').maxForwards, 7);
  assert.equal(options('7').toForwardedHead().includes('Max-Forwards'), false);
  for (const value of ['', '-1', '1.5', 'x', '07']) {
    assert.equal(options(value).maxForwards, -1);
    assert.ok(options(value).toForwardedHead().includes(`Max-Forwards: ${value}\r\n`));
  }
  const get = accept(withFields('Max-Forwards: 0'));
  assert.equal(get.maxForwards, -1);
  assert.ok(get.toForwardedHead().includes('Max-Forwards: 0\r\n'));
});

test('credentials that bind a connection are recognised and passed on', () => {
  for (const [value, binds] of [
    ['NTLM TlRMTVNTUAAB', true],
    ['ntlm TlRMTVNTUAAB', true],
    ['Negotiate YIIB', true],
    ['nEGOTIATE YIIB', true],
    ['Basic bm9uZTpub25l', false],
    ['Bearer negotiate', false],
    ['Nonce x', false],
    ['', false],
  ] as const) {
    const head = accept(withFields(`Authorization: ${value}`));
    assert.equal(head.bindsConnection, binds, value);
    assert.ok(head.toForwardedHead().includes(`Authorization: ${value}\r\n`));
  }
  assert.equal(accept(withFields()).bindsConnection, false);
});

test('query parameters are decoded, the first of a name counts', () => {
  const head = accept(withLine('GET /?a=1%202&b&a=3 HTTP/1.1'));
  assert.equal(head.queryParameter('a'), '1 2');
  assert.equal(head.queryParameter('b'), '');
  assert.equal(head.queryParameter('c'), null);
  const broken = accept(withLine('GET /?a=%zz%ff&%=1 HTTP/1.1'));
  assert.equal(typeof broken.queryParameter('a'), 'string');
  assert.equal(broken.queryParameter('%'), '1');
});
