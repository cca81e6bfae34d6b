/** `RouteTable.match` against a matcher that is too simple to be wrong, on rules that collide often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PathMatch, RouteConditions } from '../../src/model/proxy-config.ts';
import { buildRouteTable, HostBuilder, type RouteRule } from '../../src/router/build-route-table.ts';
import { compilePathPattern } from '../../src/router/path-pattern.ts';
import type { RouteTable } from '../../src/router/route-table.ts';
import { naiveMatch } from '../support/naive-matcher.ts';
import { type FactsInput, requestFacts } from '../support/request-facts.ts';

/** Mostly one host, so that its rules are many. */
const HOSTS = ['a.com', '', 'b.a.com', '*.a.com', '*.com', '*.b.a.com'];
const ruleHost = mostly('a.com', HOSTS.slice(1));
const requestHost = mostly('a.com', ['', 'com', 'b.a.com', 'c.a.com', 'c.b.a.com', '.a.com', 'c+.a.com', '*.a.com']);

function mostly(common: string, others: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ arbitrary: fc.constant(common), weight: 2 }, { arbitrary: fc.constantFrom(...others), weight: 1 });
}

/** Mostly `a`, so that paths lie inside one another. */
const element = mostly('a', ['', 'b', 'ab', 'A', 'é', '%41']);
const path = fc.array(element, { minLength: 1, maxLength: 4 }).map((elements) => `/${elements.join('/')}`);
/** A path with things around it that change what it means. */
const pattern = fc
  .tuple(
    mostly('', ['^', '(?i)', '(?i)^']),
    path,
    fc.constantFrom(
      '',
      '.*',
      '?',
      '*',
      '{1,2}',
      '[a-c/]+',
      '[]|]?',
      '[^|]',
      '(/|$).*',
      '(a|/b)*',
      '\\.?',
      '|/b',
      '|.*a',
    ),
    mostly('', ['.*', '$', 'b?', '/a']),
  )
  .map((parts) => parts.join(''))
  .filter((source) => compilePathPattern(source) !== null);

const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({ kind: fc.constant('exact' as const), value: fc.oneof(path, fc.constant('*')) }),
  fc.record({
    kind: fc.constant('prefix' as const),
    value: fc.tuple(path, fc.constantFrom('', '/')).map((parts) => parts.join('')),
  }),
  fc.record({ kind: fc.constant('regex' as const), value: pattern }),
);

const valueMatch = fc.record({
  name: fc.constantFrom('x', 'y'),
  kind: fc.constantFrom('exact', 'regex', 'present'),
  value: fc.constantFrom('', '1', '.', '[12]+'),
});
const conditions: fc.Arbitrary<RouteConditions | null> = fc.option(
  fc.record({
    method: fc.constantFrom(null, 'GET', 'POST'),
    headers: fc.array(valueMatch, { maxLength: 2 }),
    query: fc.array(valueMatch, { maxLength: 1 }),
  }),
  { freq: 1 },
);
const values = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('', '1', '12'));
const facts: fc.Arbitrary<FactsInput> = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  headers: values,
  query: values,
});

const rules: fc.Arbitrary<RouteRule<number>[]> = fc
  .array(fc.record({ host: ruleHost, path: pathMatch, conditions }), { minLength: 5, maxLength: 30, size: 'max' })
  .map((list) => list.map((rule, payload) => ({ ...rule, payload })));
const requests = fc.array(fc.tuple(requestHost, fc.oneof(path, fc.constant('*')), facts), {
  minLength: 10,
  maxLength: 20,
});

test('match finds the rule a naive matcher finds', () => {
  let matched = 0;
  fc.assert(
    fc.property(rules, requests, fc.constantFrom('', '?', '?/a', '?a=/b'), (given, asked, query) => {
      const table = buildRouteTable(given);
      for (const [host, target, input] of asked) {
        const expected = naiveMatch(given, host, target, requestFacts(input));
        assert.equal(table.match(host, target + query, target.length, requestFacts(input)), expected);
        if (expected !== null) matched++;
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(matched > 1_000, `only ${matched} requests matched a rule: the generators are too wild to prove anything`);
});

test('a table with replaced hosts matches like one built from all the rules', () => {
  fc.assert(
    fc.property(rules, rules, fc.subarray(HOSTS), requests, (given, others, changed, asked) => {
      const table = buildRouteTable(given);
      const hosts = changed.map((host) => ({ host, rules: others.filter((rule) => rule.host === host) }));
      const builder = new HostBuilder<number>();
      for (const each of hosts) builder.add(each);
      table.replaceHosts(builder.hosts);
      const expected = buildRouteTable([
        ...given.filter(({ host }) => !changed.includes(host)),
        ...hosts.flatMap((each) => each.rules),
      ]);
      for (const [host, target, input] of asked) {
        const match = (by: RouteTable<number>): unknown => [
          by.match(host, target, target.length, requestFacts(input)),
          by.hostFor(host),
        ];
        assert.deepEqual(match(table), match(expected));
      }
    }),
    { numRuns: 300 },
  );
});

test('building never throws, whatever the text of hosts, paths and patterns', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const anyRule = fc.record({
    host: text,
    path: fc.record({ kind: fc.constantFrom('exact', 'prefix', 'regex'), value: text }),
    conditions,
    payload: fc.constant('payload'),
  });
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 10 }), text, text, (given, host, target) => {
      const result = buildRouteTable(given).match(host, target, target.length, requestFacts());
      assert.ok(result === null || result === 'payload');
    }),
  );
});
