/** Lists that are sorted by a key give up and take in what stands under one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { findUpstream, lowerBound, replaceSorted, routesOfHost } from '../../src/model/sorted-config.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';

interface Item {
  readonly key: string;
  readonly n: number;
}

const keyOf = ({ key }: Item): string => key;
const keys = fc.constantFrom('', 'a', 'aa', 'b', 'c');
const items = fc.array(fc.record({ key: keys, n: fc.nat(9) }), { maxLength: 8 });

function sorted(list: readonly Item[]): readonly Item[] {
  return list.toSorted((a, b) => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1));
}

test('what stands under a key is replaced, and all else stays the same object in the same order', () => {
  fc.assert(
    fc.property(items, items, keys, (list, others, extra) => {
      const before = sorted(list);
      const replacements = new Map<string, readonly Item[]>([[extra, []], ...Map.groupBy(others, keyOf)]);
      const after = replaceSorted(before, replacements, keyOf);
      const expected = sorted([
        ...before.filter(({ key }) => !replacements.has(key)),
        ...[...replacements.values()].flat(),
      ]);
      assert.equal(after.length, expected.length);
      assert.ok(after.every((item, at) => item === expected[at]));
    }),
  );
});

function keysOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `key ${1_000 + at}`);
}

test('many keys at once are replaced in one go', () => {
  const before = keysOf(200).map((key) => ({ key, n: 0 }));
  const replacements = new Map(keysOf(150).map((key, at) => [key, at % 3 === 0 ? [] : [{ key, n: 1 }]]));
  const after = replaceSorted(before, replacements, keyOf);
  const expected = before.flatMap((item) => replacements.get(item.key) ?? [item]);
  assert.equal(after.length, 150);
  assert.ok(after.every((item, at) => item === expected[at]));
});

test('where nothing differs it is the same list', () => {
  fc.assert(
    fc.property(items, (list) => {
      const before = sorted(list);
      const same = new Map<string, readonly Item[]>([['zz', []], ...Map.groupBy(before, keyOf)]);
      assert.equal(replaceSorted(before, same, keyOf), before);
    }),
  );
});

test('a place is that of the first item that is not less', () => {
  fc.assert(
    fc.property(items, keys, (list, key) => {
      const all = sorted(list);
      const at = all.findIndex((item) => item.key >= key);
      assert.equal(lowerBound(all, key, keyOf), at === -1 ? all.length : at);
    }),
  );
});

test('upstreams are found by id, routes by host', () => {
  const upstreams = ['a', 'b', 'c'].map((id) => upstreamConfig(id));
  assert.equal(findUpstream(upstreams, 'b'), upstreams[1]);
  assert.equal(findUpstream(upstreams, 'bb'), null);
  const routes = ['', 'a.example', 'a.example', 'b.example'].map((host, at) => routeConfig(`${at}`, 'a', { host }));
  assert.deepEqual(routesOfHost(routes, 'a.example'), routes.slice(1, 3));
  assert.deepEqual(routesOfHost(routes, 'aa.example'), []);
});
