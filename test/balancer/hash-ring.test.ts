/** The ring of hash keys: where keys lead, and how few of them move. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Endpoint } from '../../src/balancer/endpoint.ts';
import { HashRing } from '../../src/balancer/hash-ring.ts';
import { PointRing } from '../../src/balancer/point-ring.ts';
import { crc32 } from '../../src/model/crc32.ts';

/** `10.0.0.1:8080` and so on, by their last number. */
function endpointsOf(...numbers: readonly number[]): readonly Endpoint[] {
  return numbers.map((number) => new Endpoint('default-web-80', `10.0.${number >> 8}.${number & 255}`, 8080, 1));
}

function ringOf(endpoints: readonly Endpoint[]): HashRing {
  const ring = new HashRing();
  ring.rebuild(endpoints);
  return ring;
}

function lookupNumber(ring: HashRing, key: string): string {
  return ring.lookup(crc32(key))?.address.split('.').at(-1) ?? 'none';
}

interface Case {
  readonly name: string;
  readonly endpoints: readonly number[];
  readonly key: string;
  readonly expected: string;
}

/** As ingress-nginx has it, so that cookies it has given out keep leading to the same pods. */
const cases: readonly Case[] = [
  { name: 'a balanced cookie', endpoints: [1, 2, 3], key: '1700000001.123.45.678901', expected: '3' },
  { name: 'another balanced cookie', endpoints: [1, 2, 3], key: '1700000002.123.46.1', expected: '1' },
  { name: 'a user', endpoints: [1, 2, 3], key: 'alice', expected: '3' },
  { name: 'another user', endpoints: [1, 2, 3], key: 'bob', expected: '1' },
  { name: 'an address', endpoints: [1, 2, 3], key: '203.0.113.9', expected: '3' },
  { name: 'k1', endpoints: [1, 2, 3], key: 'k1', expected: '2' },
  { name: 'k2', endpoints: [1, 2, 3], key: 'k2', expected: '3' },
  { name: 'k5', endpoints: [1, 2, 3], key: 'k5', expected: '2' },
  { name: 'k11', endpoints: [1, 2, 3], key: 'k11', expected: '2' },
  { name: 'k1 without the second', endpoints: [1, 3], key: 'k1', expected: '1' },
  { name: 'k2 without the second', endpoints: [1, 3], key: 'k2', expected: '3' },
  { name: 'k5 without the second', endpoints: [1, 3], key: 'k5', expected: '1' },
  { name: 'k11 without the second', endpoints: [1, 3], key: 'k11', expected: '3' },
  { name: 'k1 with a fourth', endpoints: [1, 2, 3, 4], key: 'k1', expected: '4' },
  { name: 'k2 with a fourth', endpoints: [1, 2, 3, 4], key: 'k2', expected: '4' },
  { name: 'k5 with a fourth', endpoints: [1, 2, 3, 4], key: 'k5', expected: '4' },
  { name: 'k11 with a fourth', endpoints: [1, 2, 3, 4], key: 'k11', expected: '2' },
];

for (const c of cases) {
  test(`${c.name} leads where it led in ingress-nginx`, () => {
    assert.equal(lookupNumber(ringOf(endpointsOf(...c.endpoints)), c.key), c.expected);
  });
}

test('the points of an endpoint are a chain of checksums that begins with its name', () => {
  const ring = new PointRing();
  ring.rebuild(['10.0.0.1:8080', '10.0.0.2:8080'], [1, 1]);
  assert.equal(ring.size, 320);
  for (const point of [1_257_574_595, 3_454_619_437, 151_149_429]) {
    const place = ring.locate(point);
    assert.equal(ring.ownerAt(place), 0);
    assert.equal(ring.locate(point + 1), (place + 1) % 320, `${point} is a point`);
  }
});

test('a key behind the last point leads around to the first', () => {
  const ring = new PointRing();
  ring.rebuild(['a'], [1]);
  assert.equal(ring.locate(0xffff_ffff), 0);
  assert.equal(ring.locate(0), 0);
});

test('signed and unsigned keys are the same', () => {
  const ring = ringOf(endpointsOf(1, 2, 3));
  fc.assert(fc.property(fc.integer(), (key) => assert.equal(ring.lookup(key), ring.lookup(key >>> 0))));
});

test('an empty ring leads nowhere', () => {
  const ring = ringOf([]);
  assert.equal(ring.lookup(7), null);
  assert.equal(ring.lookupUntried(7, []), null);
});

test('a ring that came about by changes is the ring that is built at once', () => {
  const all = endpointsOf(...Array.from({ length: 12 }, (_, index) => index));
  const lists = fc.array(fc.tuple(fc.shuffledSubarray([...all]), fc.array(fc.integer({ min: 1, max: 4 }))));
  fc.assert(
    fc.property(lists, fc.array(fc.integer(), { minLength: 20, maxLength: 20 }), (steps, keys) => {
      const changed = new HashRing();
      for (const [endpoints, weights] of steps) {
        for (const [at, endpoint] of endpoints.entries()) endpoint.weight = weights[at] ?? 1;
        changed.rebuild(endpoints);
        const fresh = ringOf(endpoints);
        assert.equal(changed.size, fresh.size);
        for (const key of keys) assert.equal(changed.lookup(key), fresh.lookup(key));
      }
    }),
  );
});

test('after failures a key leads to the next endpoints on the ring, each once', () => {
  const endpoints = endpointsOf(1, 2, 3, 4, 5);
  const ring = ringOf(endpoints);
  const tried: Endpoint[] = [];
  for (let left = endpoints.length; left > 0; left -= 1) {
    const without = ringOf(endpoints.filter((endpoint) => !tried.includes(endpoint)));
    const next = ring.lookupUntried(crc32('alice'), tried);
    assert.ok(next !== null);
    assert.equal(next, without.lookup(crc32('alice')), 'as if those that failed were not there');
    tried.push(next);
  }
  assert.equal(ring.lookupUntried(crc32('alice'), tried), null);
});

test('weights other than 1 multiply points, equal large ones without end they do not', () => {
  const ring = new PointRing();
  ring.rebuild(['a', 'b'], [1, 3]);
  assert.equal(ring.size, 160 + 480);
  ring.rebuild(['a', 'b'], [1_000_000_000, 2_000_000_000]);
  assert.ok(ring.size <= 2 ** 15 + 1, `${ring.size}`);
  let first = 0;
  for (let place = 0; place < ring.size; place += 1) if (ring.ownerAt(place) === 0) first += 1;
  assert.ok(Math.abs(first / ring.size - 1 / 3) < 0.001);
});
