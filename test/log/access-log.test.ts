/** Lines of the access log, as JSON and as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type AccessLogEntry, formatAccessLine } from '../../src/log/access-log.ts';

const ENTRY: AccessLogEntry = {
  timeMs: Date.UTC(2026, 10, 21, 8, 10, 33, 42),
  clientIp: '192.0.2.1',
  method: 'GET',
  host: 'shop.example',
  target: '/cart?id=1',
  protocol: 'HTTP/1.1',
  status: 200,
  requestBytes: 0,
  responseBytes: 1234,
  durationMs: 12.3456,
  upstreamMs: 11,
  routeId: 'shop.example/cart',
  upstreamId: 'shop/web/80',
  endpointId: '10.0.0.1:8080',
  canary: false,
  split: '',
  bucket: -1,
  fallback: false,
  backup: false,
  attempts: 1,
  userAgent: 'curl/8',
  referer: '',
  requestId: 'abc',
  outcome: 'ok',
};

function parse(line: string): Record<string, unknown> {
  const parsed: Record<string, unknown> = JSON.parse(line);
  return parsed;
}

function countQuotes(line: string): number {
  return line.split('"').length - 1;
}

test('a JSON line holds every field under its name, with the time in ISO form', () => {
  const line = formatAccessLine(ENTRY, 'json');
  assert.equal(line.at(-1), '\n');
  assert.deepEqual(JSON.parse(line), {
    time: '2026-11-21T08:10:33.042Z',
    msg: 'access',
    clientIp: '192.0.2.1',
    method: 'GET',
    host: 'shop.example',
    target: '/cart?id=1',
    protocol: 'HTTP/1.1',
    status: 200,
    requestBytes: 0,
    responseBytes: 1234,
    durationMs: 12.346,
    upstreamMs: 11,
    route: 'shop.example/cart',
    upstream: 'shop/web/80',
    endpoint: '10.0.0.1:8080',
    canary: false,
    split: '',
    bucket: null,
    fallback: false,
    backup: false,
    attempts: 1,
    userAgent: 'curl/8',
    referer: '',
    requestId: 'abc',
    outcome: 'ok',
  });
});

test('a text line is the combined log format followed by our fields', () => {
  assert.equal(
    formatAccessLine({ ...ENTRY, canary: true, backup: true, split: 'weight', bucket: 2_147_483_647 }, 'text'),
    '192.0.2.1 - - [21/Nov/2026:08:10:33 +0000] "GET /cart?id=1 HTTP/1.1" 200 1234 "-" "curl/8" "shop.example" 0 ' +
      '0.012 0.011 "shop.example/cart" shop/web/80(canary)(backup) 10.0.0.1:8080 1 abc ok weight 2147483647\n',
  );
  const taken = formatAccessLine({ ...ENTRY, canary: true, fallback: true }, 'text');
  assert.ok(taken.includes(' shop/web/80(canary)(fallback) '), taken);
});

test('a request without route and attempt has dashes in text and null or empty in JSON', () => {
  const entry = { ...ENTRY, routeId: '', upstreamId: '', endpointId: '', upstreamMs: -1, attempts: 0, status: 404 };
  assert.match(formatAccessLine(entry, 'text'), / 404 .* 0\.012 - "-" - - 0 abc ok - -\n$/);
  const parsed = parse(formatAccessLine(entry, 'json'));
  assert.equal(parsed['upstreamMs'], null);
  assert.equal(parsed['route'], '');
});

test('quotes, backslashes, control characters and bytes above ASCII are escaped in text', () => {
  const line = formatAccessLine({ ...ENTRY, userAgent: 'a"b\\c\r\n\u001b[1m\u00e9\u20ac' }, 'text');
  assert.match(line, /"a\\x22b\\x5Cc\\x0D\\x0A\\x1B\[1m\\xE9\\u20AC"/);
});

test('delete and C1 control characters are escaped in JSON although JSON allows them', () => {
  const line = formatAccessLine({ ...ENTRY, userAgent: '\u007f\u009b"' }, 'json');
  assert.match(line, /"userAgent":"\\u007f\\u009b\\""/);
});

test('lines of one second share a time stamp and those of the next do not', () => {
  const times = [0, 999, 1000, 0].map((offset) => {
    const entry = { ...ENTRY, timeMs: Date.UTC(2026, 0, 1) + offset };
    return parse(formatAccessLine(entry, 'json'))['time'];
  });
  assert.deepEqual(times, [
    '2026-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00.999Z',
    '2026-01-01T00:00:01.000Z',
    '2026-01-01T00:00:00.000Z',
  ]);
});

test('long values are cut, the target later than the others', () => {
  const long = 'x'.repeat(10_000);
  const parsed = parse(formatAccessLine({ ...ENTRY, target: long, referer: long, host: long }, 'json'));
  assert.equal(String(parsed['target']).length, 4096);
  assert.equal(String(parsed['referer']).length, 512);
  assert.equal(String(parsed['host']).length, 512);
});

test('a number that is none does not break the line', () => {
  const line = formatAccessLine({ ...ENTRY, durationMs: Number.NaN, responseBytes: Infinity }, 'json');
  const parsed = parse(line);
  assert.equal(parsed['durationMs'], 0);
  assert.equal(parsed['responseBytes'], 0);
});

const text = fc.string({ unit: 'binary', maxLength: 40 });
const hostile = fc.record({ host: text, target: text, userAgent: text, referer: text, requestId: text, method: text });

test('whatever a client sends, a JSON line is one line of JSON that gives it back', () => {
  fc.assert(
    fc.property(hostile, (fields) => {
      const line = formatAccessLine({ ...ENTRY, ...fields }, 'json');
      assert.equal(line.indexOf('\n'), line.length - 1);
      const parsed = parse(line);
      for (const [name, value] of Object.entries(fields)) assert.equal(parsed[name], value);
    }),
  );
});

test('whatever a client sends, a text line is printable ASCII with the same number of quotes', () => {
  const expected = countQuotes(formatAccessLine(ENTRY, 'text'));
  fc.assert(
    fc.property(hostile, (fields) => {
      const line = formatAccessLine({ ...ENTRY, ...fields }, 'text');
      assert.match(line, /^[ -~]*\n$/);
      assert.equal(countQuotes(line), expected);
    }),
  );
});
