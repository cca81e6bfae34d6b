/**
 * What finding a route costs, and that it does not grow with the number of routes. The baseline is the naive form: look
 * at every rule and keep the best.
 */

import { buildRouteTable, type RouteRule } from '../../src/router/build-route-table.ts';
import { compilePathPattern } from '../../src/router/path-pattern.ts';
import type { RequestFacts } from '../../src/router/route-table.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

type Rule = RouteRule<string>;

interface Asked {
  readonly host: string;
  readonly target: string;
  readonly pathEnd: number;
}

interface Scenario {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly requests: readonly Asked[];
}

/** A power of two: the loop takes requests by a mask. */
const REQUESTS = 1_024;

const facts: RequestFacts = { method: 'GET', header: () => null, queryParameter: () => null };

function rule(host: string, kind: Rule['path']['kind'], value: string): Rule {
  return { host, path: { kind, value }, conditions: null, payload: `${host}${value}` };
}

/** Host and target are cut out of a request head, as the codec does it: V8 reads such strings more slowly than flat ones. */
function ask(host: string, target: string): Asked {
  const head = `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
  const query = target.indexOf('?');
  const hostStart = head.indexOf('host: ') + 6;
  return {
    host: head.slice(hostStart, hostStart + host.length),
    target: head.slice(4, 4 + target.length),
    pathEnd: query === -1 ? target.length : query,
  };
}

function numbers<R>(count: number, make: (i: number) => R): R[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** The same numbers in every run, in no order a processor could foresee. */
function scattered<R>(below: number, make: (i: number) => R): R[] {
  let state = 0x2545f491;
  return numbers(REQUESTS, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return make((state >>> 0) % below);
  });
}

const scenarios: readonly (() => Scenario)[] = [
  () => ({
    name: '1 host, 1 path',
    rules: [rule('shop.example', 'prefix', '/')],
    requests: scattered(100, (i) => ask('shop.example', `/cart/items/${i}?page=2`)),
  }),
  () => ({
    name: '1,000 hosts, 3 paths each',
    rules: numbers(1_000, (i) => i).flatMap((i) => [
      rule(`tenant-${i}.shop.example`, 'prefix', '/'),
      rule(`tenant-${i}.shop.example`, 'prefix', '/api'),
      rule(`tenant-${i}.shop.example`, 'exact', '/healthz'),
    ]),
    requests: scattered(1_000, (i) => ask(`tenant-${i}.shop.example`, `/api/items/${i}?page=2`)),
  }),
  () => ({
    name: '1,000 wildcard hosts',
    rules: numbers(1_000, (i) => rule(`*.tenant-${i}.example`, 'prefix', '/')),
    requests: scattered(1_000, (i) => ask(`blue.tenant-${i}.example`, `/api/items/${i}?page=2`)),
  }),
  () => ({
    name: '1 host, 1,000 paths',
    rules: numbers(1_000, (i) => rule('api.example', 'prefix', `/v1/service-${i}/resources`)),
    requests: scattered(1_000, (i) => ask('api.example', `/v1/service-${i}/resources/${i}?page=2`)),
  }),
  () => ({
    name: '1 host, 1,000 paths, none matches',
    rules: numbers(1_000, (i) => rule('api.example', 'prefix', `/v1/service-${i}/resources`)),
    requests: scattered(1_000, (i) => ask('api.example', `/v1/service-${i}/resource/${i}?page=2`)),
  }),
  () => ({
    name: '1 host, 100 regexes',
    rules: numbers(100, (i) => rule('api.example', 'regex', `/v1/service-${i}(/|$)(.*)`)),
    requests: scattered(100, (i) => ask('api.example', `/v1/service-${i}/resources?page=2`)),
  }),
];

const matchCases = scenarios.flatMap((build): readonly BenchCase[] => {
  const { name } = build();
  return [
    { name: `${name}: naive`, setup: () => naiveRepeat(build()) },
    { name, baseline: `${name}: naive`, setup: () => tableRepeat(build()) },
  ];
});

function tableRepeat({ rules, requests }: Scenario): Repeat {
  const table = buildRouteTable(rules);
  return (count) => {
    let found = 0;
    for (let i = 0; i < count; i++) {
      const request = requests[i & (REQUESTS - 1)];
      if (request === undefined) continue;
      if (table.match(request.host, request.target, request.pathEnd, facts) !== null) found++;
    }
    return found;
  };
}

function naiveRepeat({ rules, requests }: Scenario): Repeat {
  const compiled = rules.map((one) => ({
    rule: one,
    pattern: one.path.kind === 'regex' ? compilePathPattern(one.path.value) : null,
  }));
  function naiveMatch(host: string, path: string): string | null {
    let best: Rule | null = null;
    const wildcard = `*${host.slice(host.indexOf('.'))}`;
    for (const { rule: one, pattern } of compiled) {
      if (one.host !== host && one.host !== wildcard) continue;
      const { kind, value } = one.path;
      const takes =
        pattern === null ? (kind === 'exact' ? path === value : path.startsWith(value)) : pattern.matchesWhole(path);
      if (takes && (best === null || value.length > best.path.value.length)) best = one;
    }
    return best === null ? null : best.payload;
  }
  return (count) => {
    let found = 0;
    for (let i = 0; i < count; i++) {
      const request = requests[i & (REQUESTS - 1)];
      if (request === undefined) continue;
      if (naiveMatch(request.host, request.target.slice(0, request.pathEnd)) !== null) found++;
    }
    return found;
  };
}

function buildCase(name: string, rules: () => readonly Rule[]): BenchCase {
  return {
    name,
    setup() {
      const given = rules();
      return (count) => {
        let last: unknown = null;
        for (let i = 0; i < count; i++) last = buildRouteTable(given);
        return last;
      };
    },
  };
}

export const cases: readonly BenchCase[] = defineCases([
  ...matchCases,
  buildCase('build 10,000 hosts, 3 paths each', () =>
    numbers(10_000, (i) => i).flatMap((i) =>
      ['/', '/api', '/static'].map((path) => rule(`t-${i}.example`, 'prefix', path)),
    ),
  ),
  buildCase('build 1 host, 10,000 paths', () =>
    numbers(10_000, (i) => rule('api.example', 'prefix', `/v1/service-${i}/resources`)),
  ),
]);
