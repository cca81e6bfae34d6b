/** A piecewise map is a map, however it came about, and the one it was made from stays as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { differingKeys, PiecewiseMap, withEntries } from '../../src/model/piecewise-map.ts';

const changes = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c/d', '', 'ä', 'one/two'), fc.option(fc.nat(3))), { maxLength: 4 })
  .map((list) => new Map(list));
const steps = fc.array(
  fc.oneof(
    changes,
    fc.dictionary(fc.string(), fc.nat(3)).map((some) => new Map(Object.entries(some))),
  ),
);

function apply(
  map: ReadonlyMap<string, number>,
  step: ReadonlyMap<string, number | null>,
): ReadonlyMap<string, number> {
  const next = new Map(map);
  for (const [key, value] of step) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  return next;
}

function byNumber(a: number, b: number): number {
  return a - b;
}

test('it holds what a plain map would hold', () => {
  fc.assert(
    fc.property(steps, (list) => {
      let map = PiecewiseMap.empty<number>();
      let plain: ReadonlyMap<string, number> = new Map();
      for (const step of list) {
        const [before, plainBefore] = [map, plain];
        map = map.with(step);
        plain = apply(plain, step);
        assert.deepEqual(new Map(map), plain);
        assert.deepEqual(new Map(before), plainBefore, 'the one before is as it was');
        assert.equal(map.size, plain.size);
        assert.deepEqual([...map.keys()].toSorted(), [...plain.keys()].toSorted());
        assert.deepEqual([...map.values()].toSorted(byNumber), [...plain.values()].toSorted(byNumber));
        for (const key of ['a', 'never', ...step.keys()]) {
          assert.equal(map.get(key), plain.get(key));
          assert.equal(map.has(key), plain.has(key));
        }
        const differing = differingKeys(plainBefore, plain).toSorted();
        assert.deepEqual(differingKeys(before, map).toSorted(), differing);
        assert.deepEqual(differingKeys(plainBefore, map).toSorted(), differing);
      }
    }),
  );
});

test('a map does not differ from itself', () => {
  const map = PiecewiseMap.empty<number>().with(new Map([['a', 1]]));
  assert.deepEqual(differingKeys(map, map), []);
  assert.deepEqual(differingKeys(map, map.with(new Map([['a', 1]]))), []);
});

test('what is iterated can be iterated by every means', () => {
  const map = PiecewiseMap.empty<number>().with(
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
  );
  const seen: unknown[] = [];
  map.forEach((value, key) => seen.push([key, value]));
  assert.deepEqual(seen, [...map.entries()]);
  assert.deepEqual(
    new Map(map.entries()),
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
  );
});

test('entries can be laid over a map of either kind', () => {
  const plain = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  const laid = new Map([
    ['b', 3],
    ['c', 4],
  ]);
  const expected = new Map([
    ['a', 1],
    ['b', 3],
    ['c', 4],
  ]);
  assert.deepEqual(withEntries(plain, laid), expected);
  const piecewise = withEntries(PiecewiseMap.empty<number>().with(plain), laid);
  assert.ok(piecewise instanceof PiecewiseMap);
  assert.deepEqual(new Map(piecewise), expected);
});
