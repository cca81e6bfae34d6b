/** Where the series of routes come from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Provenances } from '../../src/metrics/provenances.ts';
import { routeConfig } from '../support/proxy-config.ts';

test('a map lasts as long as its list of routes', () => {
  const provenances = new Provenances();
  const routes = [routeConfig('a', 'u', { host: 'shop.example' }), routeConfig('b', 'u', { host: 'blog.example' })];
  const first = provenances.of(routes);
  assert.deepEqual(
    Array.from(first, ([id, { host, path }]) => [id, host, path]),
    [
      ['a', 'shop.example', '/'],
      ['b', 'blog.example', '/'],
    ],
  );
  assert.equal(provenances.of(routes), first);
  const second = provenances.of(routes.slice(1));
  assert.deepEqual([...second.keys()], ['b']);
  assert.equal(provenances.of([]).size, 0);
});
