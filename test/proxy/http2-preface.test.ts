/** The first bytes of a connection, in any pieces: HTTP/2 or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { PrefaceReader } from '../../src/proxy/http2/preface.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Reads through one buffer that is used again, as connections do. */
function decide(pieces: readonly string[]): {
  readonly verdict: string;
  readonly bytes: string;
  readonly used: number;
} {
  let verdict = 'undecided';
  let bytes = '';
  const note = (name: string) => (seen: Buffer) => {
    verdict += verdict === 'undecided' ? '' : ' twice';
    verdict = verdict.replace('undecided', name);
    bytes = seen.toString('latin1');
  };
  const reader = new PrefaceReader({ onHttp1: note('http1'), onHttp2: note('http2') });
  const shared = Buffer.alloc(256);
  let used = 0;
  for (const piece of pieces) {
    if (reader.decided) break;
    shared.fill(0).write(piece, 'latin1');
    reader.read(shared, piece.length);
    used++;
  }
  return { verdict, bytes, used };
}

const CASES: readonly { readonly name: string; readonly pieces: readonly string[]; readonly verdict: string }[] = [
  { name: 'a GET', pieces: ['GET / HTTP/1.1\r\n'], verdict: 'http1' },
  { name: 'a POST', pieces: ['POST / HTTP/1.1\r\n'], verdict: 'http1' },
  { name: 'an empty line', pieces: ['\r\n'], verdict: 'http1' },
  { name: 'the beginning of a PROPFIND', pieces: ['PR', 'OPFIND /'], verdict: 'http1' },
  { name: 'a beginning', pieces: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r'], verdict: 'undecided' },
  { name: 'the whole preface', pieces: [PREFACE], verdict: 'http2' },
  { name: 'the preface and a frame', pieces: [`${PREFACE}\0\0\0`], verdict: 'http2' },
  { name: 'a wrong last byte', pieces: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\rX'], verdict: 'http1' },
];

for (const { name, pieces, verdict } of CASES) {
  test(`${name}: ${verdict}`, () => {
    assert.equal(decide(pieces).verdict, verdict);
  });
}

function latin1(minLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
}

test('whatever the pieces, the verdict is the same and no byte is lost', () => {
  const text = fc.oneof(
    latin1(0).map((rest) => PREFACE + rest),
    fc.tuple(fc.nat(PREFACE.length - 1), latin1(1)).map(([kept, rest]) => PREFACE.slice(0, kept) + rest),
  );
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 40 }), (bytes, lengths) => {
      const pieces: string[] = [];
      let at = 0;
      for (const length of lengths) {
        if (at < bytes.length) pieces.push(bytes.slice(at, at + length));
        at += length;
      }
      if (at < bytes.length) pieces.push(bytes.slice(at));
      const whole = decide([bytes]);
      const cut = decide(pieces);
      assert.equal(cut.verdict, whole.verdict);
      if (cut.verdict === 'undecided') return;
      assert.equal(cut.bytes + pieces.slice(cut.used).join(''), bytes);
    }),
  );
});
