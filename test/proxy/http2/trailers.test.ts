/** Which fields may stand behind a body. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeTrailers } from '../../../src/proxy/http2/trailers.ts';

test('what a service says behind its body passes, in order', () => {
  const fields = ['grpc-status', '0', 'grpc-message', 'not%20found', 'grpc-status-details-bin', 'AAE=', 'x-own', 'ä'];
  assert.deepEqual(judgeTrailers(fields, false), fields);
  assert.deepEqual(judgeTrailers(fields, true), fields);
});

const DROPPED =
  'transfer-encoding connection host te trailer content-length content-type content-encoding content-language expect ' +
  'authorization proxy-authorization www-authenticate cookie set-cookie cache-control x-forwarded-for x-forwarded-client-cert ' +
  'forwarded x-real-ip x-request-id';

for (const name of DROPPED.split(' ')) {
  test(`${name} is dropped behind a body`, () => {
    assert.deepEqual(judgeTrailers([name, 'x', 'kept', 'y'], false), ['kept', 'y']);
    assert.deepEqual(judgeTrailers([name, 'x', 'kept', 'y'], true), ['kept', 'y']);
  });
}

test('names with an underscore pass towards clients only', () => {
  assert.deepEqual(judgeTrailers(['my_key', 'x'], false), ['my_key', 'x']);
  assert.deepEqual(judgeTrailers(['my_key', 'x'], true), []);
});

for (const [name, value] of [
  [':status', '200'],
  ['', 'x'],
  ['Upper', 'x'],
  ['a b', 'x'],
  ['a', 'x\r\nb: c'],
  ['a', '\0'],
  ['a', ' x'],
] as const) {
  test(`${JSON.stringify(name)}: ${JSON.stringify(value)} makes the message malformed`, () => {
    assert.equal(judgeTrailers(['ok', 'x', name, value], false), null);
    assert.equal(judgeTrailers(['ok', 'x', name, value], true), null);
  });
}
