/** Methods by their bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMethod } from '../../src/proxy/http1/known-methods.ts';

const KNOWN: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function find(method: string): string | null {
  const bytes = Buffer.from(`before${method} / HTTP/1.1`, 'latin1');
  return findMethod(bytes, 6, 6 + method.length);
}

for (const method of KNOWN) {
  test(`${method} is known, in capitals and alone`, () => {
    assert.equal(find(method), method);
    assert.equal(find(method.toLowerCase()), null);
    assert.equal(find(`${method}X`), null);
    assert.equal(find(`X${method.slice(1)}`), null);
    assert.equal(find(method.slice(0, -1)), null);
  });
}

test('others are not', () => {
  for (const method of ['', 'G', 'QUERY', 'CONNECT', 'TRACE', 'PROPFIND', 'M'.repeat(32)])
    assert.equal(find(method), null);
});
