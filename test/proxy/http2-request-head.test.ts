/** HTTP/2 request heads: what is malformed, what is refused with a status, and what is forwarded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../src/proxy/http1/request-head.ts';
import { Http2RequestHead, MALFORMED } from '../../src/proxy/http2/request-head.ts';

type Pair = readonly [name: string, value: string];

const LIMITS = { maxHeaders: 20, maxHeadBytes: 1_000, maxTargetBytes: 100 };
const PSEUDO: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/a'],
  [':authority', 'a.example'],
];

function parse(
  pairs: readonly Pair[],
  endStream = true,
): { readonly head: Http2RequestHead; readonly verdict: number } {
  const head = new Http2RequestHead(LIMITS);
  return { head, verdict: head.parse(pairs.flat(), endStream) };
}

/** The usual pseudo-fields with some of them replaced, and more behind them; an empty value removes one. */
function request(replaced: Readonly<Record<string, string>>, ...fields: readonly Pair[]): readonly Pair[] {
  const pseudo = PSEUDO.map(([name, value]): Pair => [name, replaced[name] ?? value]);
  return [...pseudo.filter(([, value]) => value !== ''), ...fields];
}

function accept(pairs: readonly Pair[], endStream = true): Http2RequestHead {
  const { head, verdict } = parse(pairs, endStream);
  assert.equal(verdict, 0);
  return head;
}

interface Refusal {
  readonly name: string;
  readonly pairs: readonly Pair[];
  readonly endStream?: boolean;
}

const withField = (name: string, value: string): readonly Pair[] => request({}, [name, value]);

const EXTENDED_CONNECT: readonly Pair[] = [[':protocol', 'websocket'], ...request({ ':method': 'CONNECT' })];

const MALFORMED_REQUESTS: readonly Refusal[] = [
  { name: 'no :method', pairs: request({ ':method': '' }) },
  { name: 'no :scheme', pairs: request({ ':scheme': '' }) },
  { name: 'no :path', pairs: request({ ':path': '' }) },
  { name: 'an empty :path', pairs: [[':path', ''], ...request({ ':path': '' })] },
  { name: 'an empty :method', pairs: [[':method', ''], ...request({ ':method': '' })] },
  { name: 'two :path', pairs: [...PSEUDO, [':path', '/b']] },
  { name: 'two equal :method', pairs: [...PSEUDO, [':method', 'GET']] },
  { name: 'two :authority', pairs: [...PSEUDO, [':authority', 'a.example']] },
  { name: 'an unknown pseudo-field', pairs: [...PSEUDO, [':version', '2']] },
  { name: 'a pseudo-field of responses', pairs: [...PSEUDO, [':status', '200']] },
  { name: 'a GET with :protocol', pairs: [[':protocol', 'websocket'], ...PSEUDO] },
  { name: 'extended CONNECT that ends with its head', pairs: EXTENDED_CONNECT },
  { name: 'extended CONNECT with a length', pairs: [...EXTENDED_CONNECT, ['content-length', '5']], endStream: false },
  { name: 'extended CONNECT without :path', pairs: EXTENDED_CONNECT.filter(([n]) => n !== ':path'), endStream: false },
  { name: 'a pseudo-field behind a field', pairs: [['accept', '*/*'], ...PSEUDO] },
  { name: 'a name in upper case', pairs: withField('Accept', 'x') },
  { name: 'an empty name', pairs: withField('', 'x') },
  { name: 'a name with a space', pairs: withField('a b', 'x') },
  { name: 'a name with a colon', pairs: withField('a:b', 'x') },
  { name: 'a name with CR', pairs: withField('a\rb', 'x') },
  { name: 'a name with a high byte', pairs: withField('a\xe4', 'x') },
  { name: 'a value with NUL', pairs: withField('a', 'x\0y') },
  { name: 'a value with CR', pairs: withField('a', 'x\ry') },
  { name: 'a value with LF', pairs: withField('a', 'x\ny') },
  { name: 'a value with another control', pairs: withField('a', 'x\x0by') },
  { name: 'a value with DEL', pairs: withField('a', 'x\x7fy') },
  { name: 'a value no byte can spell', pairs: withField('a', 'x\u0100y') },
  { name: 'a value that begins with a space', pairs: withField('a', ' x') },
  { name: 'a value that ends with a tab', pairs: withField('a', 'x\t') },
  { name: 'connection', pairs: withField('connection', 'close') },
  { name: 'keep-alive', pairs: withField('keep-alive', 'timeout=5') },
  { name: 'proxy-connection', pairs: withField('proxy-connection', 'keep-alive') },
  { name: 'transfer-encoding', pairs: withField('transfer-encoding', 'chunked'), endStream: false },
  { name: 'upgrade', pairs: withField('upgrade', 'websocket') },
  { name: 'te other than trailers', pairs: withField('te', 'gzip') },
  { name: 'te with more than trailers', pairs: withField('te', 'trailers, gzip') },
  { name: 'a negative content-length', pairs: withField('content-length', '-1'), endStream: false },
  { name: 'a content-length with a plus', pairs: withField('content-length', '+1'), endStream: false },
  { name: 'a content-length list', pairs: withField('content-length', '1, 1'), endStream: false },
  { name: 'an empty content-length', pairs: withField('content-length', ''), endStream: false },
  {
    name: 'two content-length',
    pairs: request({}, ['content-length', '1'], ['content-length', '1']),
    endStream: false,
  },
  { name: 'a content-length without a body', pairs: withField('content-length', '5') },
];

for (const { name, pairs, endStream } of MALFORMED_REQUESTS) {
  test(`malformed: ${name}`, () => {
    assert.equal(parse(pairs, endStream).verdict, MALFORMED);
  });
}

const REFUSED: readonly (Refusal & { readonly status: number })[] = [
  { name: 'CONNECT', pairs: request({ ':method': 'CONNECT', ':scheme': '', ':path': '' }), status: 405 },
  {
    name: 'CONNECT for an empty protocol',
    pairs: [[':protocol', ''], ...request({ ':method': 'CONNECT' })],
    status: 405,
  },
  { name: 'TRACE', pairs: request({ ':method': 'TRACE' }), status: 405 },
  { name: 'a method that is no token', pairs: request({ ':method': 'GE T' }), status: 400 },
  { name: 'a method with CRLF', pairs: request({ ':method': 'GET / HTTP/1.1\r\nx:' }), status: 400 },
  { name: 'a very long method', pairs: request({ ':method': 'A'.repeat(33) }), status: 400 },
  { name: 'a scheme of another protocol', pairs: request({ ':scheme': 'ftp' }), status: 400 },
  { name: 'a scheme with CRLF', pairs: request({ ':scheme': 'http\r\n' }), status: 400 },
  { name: 'a path without slash', pairs: request({ ':path': 'a' }), status: 400 },
  { name: 'a path in absolute form', pairs: request({ ':path': 'http://b.example/' }), status: 400 },
  { name: 'an asterisk with GET', pairs: request({ ':path': '*' }), status: 400 },
  { name: 'a path with a space', pairs: request({ ':path': '/a b' }), status: 400 },
  { name: 'a path with CRLF', pairs: request({ ':path': '/ HTTP/1.1\r\nx: y' }), status: 400 },
  { name: 'a path with #', pairs: request({ ':path': '/a#b' }), status: 400 },
  { name: 'a path with a high byte', pairs: request({ ':path': '/\xe4' }), status: 400 },
  { name: 'a path with %00', pairs: request({ ':path': '/%00' }), status: 400 },
  { name: 'a path with a malformed escape', pairs: request({ ':path': '/%zz' }), status: 400 },
  { name: 'a path above the root', pairs: request({ ':path': '/a/%2e%2e/../b' }), status: 400 },
  { name: 'a path that is too long', pairs: request({ ':path': `/${'a'.repeat(100)}` }), status: 414 },
  { name: 'no host at all', pairs: request({ ':authority': '' }), status: 400 },
  { name: 'an empty :authority', pairs: [[':authority', ''], ...request({ ':authority': '' })], status: 400 },
  { name: 'a host that differs', pairs: withField('host', 'b.example'), status: 400 },
  {
    name: 'a host beside an empty :authority',
    pairs: [[':authority', ''], ...request({ ':authority': '' }, ['host', 'b'])],
    status: 400,
  },
  { name: 'two hosts', pairs: request({}, ['host', 'a.example'], ['host', 'a.example']), status: 400 },
  { name: 'an authority with user information', pairs: request({ ':authority': 'u@a.example' }), status: 400 },
  { name: 'an authority with a path', pairs: request({ ':authority': 'a.example/b' }), status: 400 },
  { name: 'an authority with CRLF', pairs: request({ ':authority': 'a\r\nb: c' }), status: 400 },
  { name: 'an authority with a comma', pairs: request({ ':authority': 'a,b' }), status: 400 },
  {
    name: 'more fields than allowed',
    pairs: request({}, ...Array.from({ length: 21 }, (_, at): Pair => [`a${at}`, ''])),
    status: 431,
  },
  {
    name: 'more cookie crumbs than allowed',
    pairs: request({}, ...Array.from({ length: 21 }, (): Pair => ['cookie', 'a=b'])),
    status: 431,
  },
  { name: 'a head that is too large', pairs: withField('a', 'x'.repeat(1_000)), status: 431 },
];

for (const { name, pairs, status } of REFUSED) {
  test(`refused with ${status}: ${name}`, () => {
    assert.equal(parse(pairs).verdict, status);
  });
}

test('a head becomes an HTTP/1.1 head with the same fields in the same order', () => {
  const head = accept(
    request({ ':path': '/a?b=c&b=d' }, ['accept', '*/*'], ['x-a', '1'], ['accept', 'b'], ['x-e', '']),
  );
  assert.equal(
    head.toForwardedHead(),
    'GET /a?b=c&b=d HTTP/1.1\r\nHost: a.example\r\naccept: */*\r\nx-a: 1\r\naccept: b\r\nx-e: \r\n',
  );
  assert.equal(head.method, 'GET');
  assert.equal(head.host, 'a.example');
  assert.equal(head.protocol, 'HTTP/2.0');
  assert.equal(head.pathEnd, 2);
  assert.equal(head.header('accept'), '*/*, b');
  assert.equal(head.header('host'), 'a.example');
  assert.equal(head.header('absent'), null);
  assert.equal(head.queryParameter('b'), 'c');
});

test('what we set ourselves, what is of one connection, and names with an underscore are dropped', () => {
  const head = accept(
    request(
      {},
      ['x-real-ip', '1'],
      ['x-forwarded-proto', 'https'],
      ['forwarded', 'for=1'],
      ['proxy', 'x'],
      ['te', 'trailers'],
      ['trailer', 'x'],
      ['http2-settings', 'x'],
      ['x_real_ip', '1'],
    ),
  );
  assert.equal(head.toForwardedHead(), 'GET /a HTTP/1.1\r\nHost: a.example\r\n');
  assert.equal(head.header('x_real_ip'), null);
});

test('what the client says about forwarding is kept apart', () => {
  const head = accept(
    request(
      {},
      ['x-forwarded-for', '1'],
      ['x-forwarded-for', '2'],
      ['x-forwarded-host', 'evil'],
      ['x-request-id', 'id'],
    ),
  );
  assert.equal(head.forwardedFor, '1, 2');
  assert.equal(head.forwardedHost, 'evil');
  assert.equal(head.requestId, 'id');
  assert.equal(head.toForwardedHead(), 'GET /a HTTP/1.1\r\nHost: a.example\r\n');
});

test('cookie crumbs are joined', () => {
  const head = accept(request({}, ['cookie', 'a=1'], ['x-a', '1'], ['cookie', 'b=2'], ['cookie', 'c=3']));
  assert.equal(head.header('cookie'), 'a=1; b=2; c=3');
  assert.match(head.toForwardedHead(), /\r\nx-a: 1\r\nCookie: a=1; b=2; c=3\r\n$/);
});

test('a host stands in for a missing :authority, and may repeat it', () => {
  assert.equal(accept(request({ ':authority': '' }, ['host', 'b.example:8080'])).host, 'b.example:8080');
  const both = accept(request({ ':authority': 'A.example' }, ['host', 'a.EXAMPLE']));
  assert.match(both.toForwardedHead(), /\r\nHost: A\.example\r\n$/);
});

test('the path is normalised as in HTTP/1.1, the query is not touched', () => {
  const head = accept(request({ ':path': '/a/./b/%2e%2e/%41?x=/../%2e' }));
  assert.equal(head.target, '/a/A?x=/../%2e');
  assert.equal(head.pathEnd, 4);
});

test('OPTIONS may ask about the whole server', () => {
  assert.equal(accept(request({ ':method': 'OPTIONS', ':path': '*' })).target, '*');
});

interface Framing {
  readonly name: string;
  readonly method: string;
  readonly length: string | null;
  readonly endStream: boolean;
  readonly body: number;
  readonly line: string;
}

const FRAMINGS: readonly Framing[] = [
  { name: 'no body', method: 'GET', length: null, endStream: true, body: BODY_NONE, line: '' },
  { name: 'no body of a POST', method: 'POST', length: null, endStream: true, body: BODY_NONE, line: '0' },
  { name: 'no body of a PATCH', method: 'PATCH', length: null, endStream: true, body: BODY_NONE, line: '0' },
  { name: 'no body of a DELETE', method: 'DELETE', length: null, endStream: true, body: BODY_NONE, line: '' },
  { name: 'a length of 0', method: 'GET', length: '0', endStream: true, body: BODY_NONE, line: '0' },
  { name: 'a length of 0 without the end', method: 'POST', length: '0', endStream: false, body: BODY_NONE, line: '0' },
  { name: 'a known length', method: 'POST', length: '5', endStream: false, body: BODY_LENGTH, line: '5' },
  { name: 'an unknown length', method: 'POST', length: null, endStream: false, body: BODY_CHUNKED, line: '' },
  { name: 'a body of a GET', method: 'GET', length: null, endStream: false, body: BODY_CHUNKED, line: '' },
];

for (const { name, method, length, endStream, body, line } of FRAMINGS) {
  test(`framing: ${name}`, () => {
    const fields: readonly Pair[] = length === null ? [] : [['content-length', length]];
    const head = accept(request({ ':method': method }, ...fields), endStream);
    assert.equal(head.body, body);
    const lengthLine = line === '' ? '' : `Content-Length: ${line}\r\n`;
    assert.equal(head.toForwardedHead(), `${method} /a HTTP/1.1\r\nHost: a.example\r\n${lengthLine}`);
  });
}

test('an expectation counts only with a body', () => {
  assert.equal(accept(withField('expect', '100-Continue'), false).expectContinue, true);
  assert.equal(accept(withField('expect', '100-continue')).expectContinue, false);
  assert.equal(accept(withField('expect', 'more'), false).expectContinue, false);
});

test('the hops of OPTIONS are counted, and credentials that bind a connection recognised', () => {
  const options = accept(request({ ':method': 'OPTIONS' }, ['max-forwards', '3']));
  assert.equal(options.maxForwards, 3);
  assert.doesNotMatch(options.toForwardedHead(), /max-forwards/);
  const get = accept(withField('max-forwards', '0'));
  assert.equal(get.maxForwards, -1);
  assert.match(get.toForwardedHead(), /max-forwards: 0\r\n/);
  const bound = accept(withField('authorization', 'Negotiate YIIB'));
  assert.equal(bound.bindsConnection, true);
  assert.match(bound.toForwardedHead(), /authorization: Negotiate YIIB\r\n/);
  assert.equal(accept(withField('authorization', 'Bearer x')).bindsConnection, false);
});

test('nothing of one head is left in the next', () => {
  const head = new Http2RequestHead(LIMITS);
  const full = request({ ':method': 'POST' }, ['cookie', 'a=1'], ['x-forwarded-for', '1'], ['content-length', '3']);
  assert.equal(head.parse(full.flat(), false), 0);
  assert.equal(head.parse(request({}).flat(), true), 0);
  assert.equal(head.toForwardedHead(), 'GET /a HTTP/1.1\r\nHost: a.example\r\n');
  assert.equal(head.forwardedFor, '');
  assert.equal(head.header('cookie'), null);
  assert.equal(head.parse(request({ ':authority': '' }).flat(), true), 400);
});

test('whatever the fields are, what is forwarded is one head of lines without controls', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const name = fc.oneof(text, fc.constantFrom(':path', ':authority', 'host', 'cookie', 'content-length', 'x-a'));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, text), { maxLength: 6 }), fc.boolean(), (pairs, endStream) => {
      const { head, verdict } = parse([...PSEUDO, ...pairs], endStream);
      if (verdict !== 0) return;
      const lines = head.toForwardedHead().split('\r\n');
      assert.equal(lines.pop(), '');
      assert.match(lines.shift() ?? '', /^[!-~]+ \/[!-~]* HTTP\/1\.1$/);
      for (const line of lines) assert.match(line, /^[!#$%&'*+\-.^`|~0-9A-Za-z]+: [\t -~\x80-\xff]*$/);
    }),
  );
});
