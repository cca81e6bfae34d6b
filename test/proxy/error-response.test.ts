/** Answers of our own: complete, correctly framed, and without a trace of the request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localResponse, redirectResponse } from '../../src/proxy/error-response.ts';
import { Outcome, statusOf } from '../../src/proxy/outcome.ts';

test('every status an outcome leads to has a title of its own', () => {
  for (const outcome of Object.values(Outcome)) {
    const { status, reason, body } = localResponse(statusOf(outcome));
    assert.notEqual(reason, 'Error', outcome);
    assert.ok(body.includes(`<h1>${status} ${reason}</h1>`));
  }
});

test('the announced length is that of the body, and every field is a whole line', () => {
  for (const status of [400, 404, 405, 408, 413, 414, 431, 500, 502, 503, 504, 505]) {
    const { fields, body } = localResponse(status);
    assert.ok(fields.includes(`Content-Length: ${Buffer.byteLength(body)}\r\n`));
    assert.match(fields, /^(?:[A-Za-z-]+: [^\r\n]+\r\n)+$/);
  }
});

test('405 says what is allowed, and an answer is made once', () => {
  assert.match(localResponse(405).fields, /^Allow: GET, HEAD, /m);
  assert.equal(localResponse(404), localResponse(404));
});

test('a redirect names its place', () => {
  const { status, reason, fields } = redirectResponse(301, 'http://a/x/');
  assert.deepEqual([status, reason], [301, 'Moved Permanently']);
  assert.ok(fields.includes('Location: http://a/x/\r\n'));
});
