/** What a match may allocate: nothing, unless a regular expression has to run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { buildRouteTable, type RouteRule } from '../../src/router/build-route-table.ts';
import type { RouteTable } from '../../src/router/route-table.ts';
import { requestFacts } from '../support/request-facts.ts';

const CALLS = 1_000_000;
const facts = requestFacts({ headers: { 'x-canary': 'never' } });

function prefixRule(host: string, value: string): RouteRule<string> {
  return { host, path: { kind: 'prefix', value }, conditions: null, payload: `${host}${value}` };
}

function matchMany(table: RouteTable<string>, host: string, target: string, pathEnd: number): number {
  let found = 0;
  for (let i = 0; i < CALLS; i++) if (table.match(host, target, pathEnd, facts) !== null) found++;
  return found;
}

const conditional: RouteRule<string> = {
  ...prefixRule('shop.example', '/api/cart'),
  conditions: { method: 'GET', headers: [{ name: 'x-canary', kind: 'exact', value: 'always' }], query: [] },
};
const rules = [
  ...Array.from({ length: 100 }, (_, i) => prefixRule('shop.example', `/service-${i}`)),
  conditional,
  prefixRule('shop.example', '/api'),
  prefixRule('*.tenants.example', '/'),
  prefixRule('', '/'),
  { ...prefixRule('regex.example', '/'), path: { kind: 'regex', value: '/never/[0-9]+' } } as const,
];

const cases = [
  { name: 'by prefix below a hundred others', host: 'shop.example', target: '/service-42/x?y=1', found: CALLS },
  { name: 'after a failed condition', host: 'shop.example', target: '/api/cart/7', found: CALLS },
  { name: 'by wildcard', host: 'blue.tenants.example', target: '/', found: CALLS },
  { name: 'for an unknown host', host: 'unknown.example', target: '/x', found: CALLS },
  { name: 'without a rule for the path', host: 'shop.example', target: '/nothing', found: 0 },
  { name: 'past a regex that starts differently', host: 'regex.example', target: '/x', found: 0 },
];

for (const c of cases) {
  test(`a match ${c.name} allocates less than 8 bytes`, () => {
    const table = buildRouteTable(rules);
    const pathEnd = c.target.indexOf('?') === -1 ? c.target.length : c.target.indexOf('?');
    matchMany(table, c.host, c.target, pathEnd);
    const before = getHeapStatistics().total_allocated_bytes;
    const found = matchMany(table, c.host, c.target, pathEnd);
    const bytes = (getHeapStatistics().total_allocated_bytes - before) / CALLS;
    assert.equal(found, c.found);
    assert.ok(bytes < 8, `${bytes} bytes a match`);
  });
}
