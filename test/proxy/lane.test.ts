/** The lane in the text of a request: what clients say of it goes, and their other baggage stays as far as it is valid. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ExchangeRequest } from '../../src/proxy/exchange-request.ts';
import { BODY_NONE } from '../../src/proxy/http1/request-head.ts';
import { tagLane } from '../../src/proxy/lane.ts';

const V2 = { name: 'v2', header: 'X-Lane' };
const NAMES = new Set(['x-lane', 'x-env']);

function request(fields: readonly string[], body = ''): ExchangeRequest {
  return {
    method: 'GET',
    text: `${['GET /x-lane: v1 HTTP/1.1', 'Host: a', ...fields].join('\r\n')}\r\n\r\n${body}`,
    id: 'id',
    inlineBytes: body.length,
    body: BODY_NONE,
    expectContinue: false,
    upgrade: '',
    acceptsTrailers: false,
    bindsConnection: false,
    session: null,
    hashKey: 0,
    logFacts: null,
    lane: null,
  };
}

/** Fields behind `Host`. */
function fieldsOf(text: string): readonly string[] {
  return text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n').slice(2);
}

function baggageOf(...fields: readonly string[]): string | undefined {
  const { text } = tagLane(request(fields), { names: NAMES, lane: V2, answer: null });
  return fieldsOf(text)
    .find((field) => field.startsWith('baggage: '))
    ?.slice('baggage: '.length);
}

test('the lane stands in its header and in the baggage', () => {
  assert.deepEqual(fieldsOf(tagLane(request(['Accept: */*']), { names: NAMES, lane: V2, answer: null }).text), [
    'Accept: */*',
    'X-Lane: v2',
    'baggage: lane=v2',
  ]);
});

test('what the client says is taken off, for every side and under every name of the route', () => {
  const forged = [
    'x-LANE: v9',
    'A: b',
    'X-Env: prod',
    'X-Lane: v2',
    'Baggage: lane=v9;p=1,  lane = v8',
    'X-Laneway: stays',
  ];
  assert.deepEqual(fieldsOf(tagLane(request(forged), { names: NAMES, lane: null, answer: null }).text), [
    'A: b',
    'X-Laneway: stays',
  ]);
  const tagged = ['A: b', 'X-Laneway: stays', 'X-Lane: v2', 'baggage: lane=v2'];
  assert.deepEqual(fieldsOf(tagLane(request(forged), { names: NAMES, lane: V2, answer: null }).text), tagged);
});

test('the lane is taken off however its key is written, for some readers decode keys too', () => {
  for (const key of ['l%61ne', '%6C%61%6e%65', 'lane%20', '%09lane', '+lane', 'lane+']) {
    assert.equal(baggageOf(`Baggage: a=b,${key}=v9`), 'lane=v2,a=b', key);
  }
  assert.equal(baggageOf('Baggage: l%2561ne=x,l%6=y,a+b=z'), 'lane=v2,l%2561ne=x,l%6=y,a+b=z');
});

test('a body that looks like fields is no field', () => {
  const body = 'X-Lane: v9\r\nBaggage: lane=v9\r\n\r\n';
  const { text } = tagLane(request(['A: b'], body), { names: NAMES, lane: V2, answer: null });
  assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), body);
  assert.ok(text.startsWith('GET /x-lane: v1 HTTP/1.1\r\nHost: a\r\nA: b\r\nX-Lane: v2\r\n'));
});

test('other members of the baggage stay, in order, from all its fields', () => {
  assert.equal(
    baggageOf('Baggage: user=alice;p="no", k = v ;prop ; q = 1', 'A: b', 'baggage: Lane=x,percent=%2C'),
    ['lane=v2', 'k = v ;prop ; q = 1', 'Lane=x', 'percent=%2C'].join(','),
  );
  for (const invalid of [
    'user',
    '=v',
    'a b=c',
    'a=b c',
    'a="b"',
    'a=\\',
    'a=b;',
    'a=b;=c',
    'a=b;c d',
    'ä=b',
    'a=\u00fc',
  ]) {
    assert.equal(baggageOf(`Baggage: one=1,${invalid},two=2`), 'lane=v2,one=1,two=2', invalid);
  }
  assert.equal(baggageOf('Baggage: , ,,'), 'lane=v2');
});

test('no more goes on than others take: 180 members, 8,192 bytes', () => {
  const many = baggageOf(`Baggage: ${Array.from({ length: 500 }, (_, at) => `k${at}=v`).join(',')}`) ?? '';
  assert.equal(many.split(',').length, 180);
  assert.ok(many.startsWith('lane=v2,k0=v,') && many.endsWith(',k178=v'));
  const long = baggageOf(`Baggage: a=${'x'.repeat(5_000)},b=${'y'.repeat(5_000)},c=z`) ?? '';
  assert.equal(long, `lane=v2,a=${'x'.repeat(5_000)}`);
});

test('the time that hostile baggage takes grows with its length', () => {
  const length = 1_000_000;
  const hostile = [
    `Baggage: a${' '.repeat(length)}`,
    `Baggage: a=${' '.repeat(length)}"`,
    `Baggage: a=b;c${' \t'.repeat(length / 2)}"`,
    `Baggage: ${'a'.repeat(length)}`,
    `Baggage: a=b${';c'.repeat(length / 2)};`,
    `Baggage: ${','.repeat(length)}`,
  ];
  for (const field of hostile) {
    const start = performance.now();
    assert.equal(baggageOf(field), 'lane=v2');
    const tookMs = performance.now() - start;
    assert.ok(tookMs < 2_000, `${tookMs} ms for ${field.slice(0, 20)}`);
  }
});

test('whatever is said, what goes on is one valid list that says the lane once', () => {
  const piece = fc.constantFrom('a', 'lane', '=', ',', ';', ' ', '\t', '"', 'v', '%20', 'ü', '\\', 'lane=x', 'k=v;p=q');
  const MEMBER = /^[\w%]+[ \t]*=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e \t;]*$/;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const [first, ...members] = (baggageOf(`Baggage: ${pieces.join('')}`) ?? '').split(',');
      assert.equal(first, 'lane=v2');
      for (const member of members) {
        assert.match(member, MEMBER);
        assert.doesNotMatch(member, /^lane[ \t]*=/);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a side that takes over writes its own lane in the same place', () => {
  const body = 'X-Lane: v2\r\n';
  const { text, lane } = tagLane(request(['Baggage: a=b', 'A: X-Lane: v2'], body), {
    names: NAMES,
    lane: V2,
    answer: null,
  });
  assert.ok(lane !== null);
  const stable = { name: 'stable', header: 'X-Env' };
  const plain = lane.rewrite(text, null);
  assert.deepEqual(fieldsOf(plain), ['A: X-Lane: v2', 'baggage: a=b']);
  assert.ok(plain.endsWith(`\r\n\r\n${body}`));
  assert.deepEqual(fieldsOf(lane.rewrite(text, stable)), [
    'A: X-Lane: v2',
    'X-Env: stable',
    'baggage: lane=stable,a=b',
  ]);
});
