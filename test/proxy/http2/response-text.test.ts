/** Response heads of HTTP/2, spelled as HTTP/1.1: what passes and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ResponseHead } from '../../../src/proxy/http1/response-head.ts';
import { toResponseText } from '../../../src/proxy/http2/response-text.ts';

test('a head is spelled as HTTP/1.1 would have it, in order', () => {
  assert.equal(
    toResponseText([':status', '200', 'b', '', 'a', 'c: d', 'a', 'ä']),
    'HTTP/1.1 200 \r\nb: \r\na: c: d\r\na: ä\r\n\r\n',
  );
});

test('a head without any field but the status is one', () => {
  assert.equal(toResponseText([':status', '599']), 'HTTP/1.1 599 \r\n\r\n');
});

const text = fc.oneof(
  fc.constantFrom(
    ':status',
    '200',
    'connection',
    'te',
    'server',
    'x',
    '',
    ' ',
    'a\r\nb',
    'a\nb',
    '\0',
    '101',
    'A',
    'ä',
  ),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

test('whatever fields come, the text is empty or has exactly these lines', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), fc.boolean(), (pairs, withStatus) => {
      const fields = [...(withStatus ? [':status', '200'] : []), ...pairs.flat()];
      const head = toResponseText(fields);
      if (head === '') return;
      assert.equal(head.split('\r\n').length, fields.length / 2 + 2);
      assert.equal(head.split('\n').length, fields.length / 2 + 2);
      const parsed = new ResponseHead(100);
      if (parsed.parse(Buffer.from(head, 'latin1'), 0, head.length, false) !== head.length) return;
      assert.equal(parsed.fields.count, fields.length / 2 - 1);
      for (let at = 0; at < parsed.fields.count; at++) {
        assert.equal(parsed.fields.name(at), fields[at * 2 + 2]);
        assert.equal(parsed.fields.value(at), fields[at * 2 + 3]);
      }
    }),
    { numRuns: 2_000 },
  );
});
