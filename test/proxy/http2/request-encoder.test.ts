/** The request of an exchange as HTTP/2 fields, read back by our decoder. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { FrameWriter } from '../../../src/proxy/http2/frame-writer.ts';
import { HpackDecoder } from '../../../src/proxy/http2/hpack/hpack-decoder.ts';
import { RequestEncoder } from '../../../src/proxy/http2/request-encoder.ts';
import { TurnEnd } from '../../../src/proxy/turn-end.ts';
import { WriteBuffers } from '../../../src/proxy/write-buffers.ts';

const FRAME_HEAD_BYTES = 9;

/** The fields the encoder writes for this head; nothing is sent anywhere. */
function encode(lines: readonly string[], { encrypted = false, acceptsTrailers = false, body = '' } = {}): string[] {
  const writer = new FrameWriter(new net.Socket(), new TurnEnd(), new WriteBuffers(65_536), () => {});
  const head = lines.join('\r\n');
  const at = new RequestEncoder(writer, encrypted).request(1, `${head}\r\n\r\n${body}`, head.length, acceptsTrailers);
  const bytes = writer.target;
  writer.destroy();
  const start = at + FRAME_HEAD_BYTES;
  const fields: string[] = [];
  const decoder = new HpackDecoder(4096, 65_536, 1_000);
  assert.equal(decoder.decode(bytes, start, start + bytes.readUIntBE(at, 3), fields), true);
  return fields;
}

test('pseudo-fields come first, the host among them wherever it stood', () => {
  assert.deepEqual(encode(['GET /a?b HTTP/1.1', 'Accept: */*', 'hOST: a.example:1']), [
    ':method',
    'GET',
    ':scheme',
    'http',
    ':authority',
    'a.example:1',
    ':path',
    '/a?b',
    'accept',
    '*/*',
  ]);
});

test('over TLS the scheme is https', () => {
  assert.deepEqual(encode(['GET / HTTP/1.1', 'Host: a'], { encrypted: true }).slice(2, 4), [':scheme', 'https']);
});

test('without a host there is no authority', () => {
  assert.ok(!encode(['GET / HTTP/1.1', 'Host: ', 'A: b']).includes(':authority'));
  assert.ok(!encode(['GET / HTTP/1.1']).includes(':authority'));
});

test('a target may hold anything but a blank', () => {
  assert.equal(encode(['GET /?a= HTTP/1.1'.replace('a=', 'HTTP/1.1:'), 'Host: a'])[7], '/?HTTP/1.1:');
});

test('fields of the connection are left out, in every spelling', () => {
  const lines = ['Connection: x', 'upgrade: y', 'Transfer-Encoding: chunked', 'TE: gzip', 'keep-alive: z'];
  const fields = encode(['POST / HTTP/1.1', 'Host: a', ...lines, 'HTTP2-Settings: q', 'Proxy-Connection: r', 'X: y']);
  assert.deepEqual(fields.slice(8), ['x', 'y']);
});

test('`te` is sent for a client that takes trailers, and is the only value', () => {
  assert.deepEqual(encode(['GET / HTTP/1.1', 'Host: a', 'TE: deflate'], { acceptsTrailers: true }).slice(8), [
    'te',
    'trailers',
  ]);
});

test('values are kept as they are: empty ones, colons, bytes above 127', () => {
  const fields = encode(['GET / HTTP/1.1', 'Host: a', 'Empty: ', 'Time: a: b: c', 'Latin: ä']);
  assert.deepEqual(fields.slice(8), ['empty', '', 'time', 'a: b: c', 'latin', 'ä']);
});

test('an inline body is no field', () => {
  assert.equal(encode(['POST / HTTP/1.1', 'Host: a', 'Content-Length: 6'], { body: 'X: yyy' }).length, 10);
});

test('there is room for a head of many short fields', () => {
  const lines = Array.from({ length: 2_000 }, (_, at) => `${'abcdefghij'[at % 10]}: `);
  const head = ['GET / HTTP/1.1', ...lines];
  const writer = new FrameWriter(new net.Socket(), new TurnEnd(), new WriteBuffers(65_536), () => {});
  const text = head.join('\r\n');
  new RequestEncoder(writer, false).request(1, `${text}\r\n\r\n`, text.length, true);
  // Nothing was written beyond the end, where writes would be lost silently.
  assert.ok(writer.waitingBytes < writer.target.length);
  writer.destroy();
});
